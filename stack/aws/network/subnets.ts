import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { formatCidrBlock, parseCidrBlock } from "../../config/cidr";

type SubnetKind = "public" | "private";

export interface SubnetsArgs {
  /** Name in AWS. */
  name: string;
  vpc: aws.ec2.Vpc;
  /** CIDR block of the VPC. */
  cidrBlock: string;
  availabilityZones: readonly string[];
}

/** Creates a public and a private subnet in each Availability Zone. */
export function subnets(
  prefix: string,
  args: SubnetsArgs,
  opts: pulumi.CustomResourceOptions,
): Record<SubnetKind, aws.ec2.Subnet[]> {
  const create = (kind: SubnetKind) =>
    args.availabilityZones.map(
      (availabilityZone, index) =>
        new aws.ec2.Subnet(
          `${prefix}-${kind}-${index}`,
          {
            vpcId: args.vpc.id,
            cidrBlock: subnetCidrBlock(args.cidrBlock, kind, index),
            availabilityZone,
            tags: { Name: `${args.name}-${kind}-${index}` },
          },
          opts,
        ),
    );
  return { public: create("public"), private: create("private") };
}

/**
 * CIDR block of a subnet. The VPC is divided into sixteen blocks of equal size. Private subnets use the blocks from the first on, public
 * subnets those from the ninth on. So an additional zone does not change existing subnets.
 */
export function subnetCidrBlock(vpcCidrBlock: string, kind: SubnetKind, index: number): string {
  const { start, prefix } = parseCidrBlock(vpcCidrBlock)!;
  const subnetPrefix = prefix + 4;
  return formatCidrBlock(start + 2 ** (32 - subnetPrefix) * (index + (kind === "public" ? 8 : 0)), subnetPrefix);
}

export interface RouteTableArgs {
  /** Name in AWS. */
  name: string;
  vpc: aws.ec2.Vpc;
  subnets: aws.ec2.Subnet[];
  /** Gateway of the default route. */
  gateway: { gatewayId: pulumi.Input<string> } | { natGatewayId: pulumi.Input<string> };
}

/** A route table with a default route. */
export interface RouteTable {
  id: pulumi.Output<string>;
  /** Resources that must exist before traffic from the subnets reaches the internet. */
  dependencies: pulumi.Resource[];
}

/** Creates a route table for subnets, with a default route to a gateway. */
export function routeTable(name: string, args: RouteTableArgs, opts: pulumi.CustomResourceOptions): RouteTable {
  const { vpc, subnets, gateway } = args;
  const { id } = new aws.ec2.RouteTable(name, { vpcId: vpc.id, tags: { Name: args.name } }, opts);
  const route = new aws.ec2.Route(name, { routeTableId: id, destinationCidrBlock: "0.0.0.0/0", ...gateway }, opts);
  const associations = subnets.map(
    (subnet, index) =>
      new aws.ec2.RouteTableAssociation(`${name}-${index}`, { routeTableId: id, subnetId: subnet.id }, opts),
  );
  return { id, dependencies: [route, ...associations] };
}
