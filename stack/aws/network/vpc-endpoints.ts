import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { RouteTable } from "./subnets";

/** AWS services with an interface endpoint. Image pulls, logs, and secrets depend on them. */
export const INTERFACE_ENDPOINTS = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"] as const;

export interface VpcEndpointsArgs {
  vpc: aws.ec2.Vpc;
  /** CIDR block of the VPC. */
  cidrBlock: string;
  region: pulumi.Input<string>;
  /** One subnet in each Availability Zone. */
  subnets: aws.ec2.Subnet[];
}

const serviceName = (region: pulumi.Input<string>, service: string) =>
  pulumi.interpolate`com.amazonaws.${region}.${service}`;

/** Creates the gateway endpoint for S3. Image layers come from S3, and the endpoint has no hourly cost. */
export function s3Endpoint(
  prefix: string,
  { vpc, region }: Pick<VpcEndpointsArgs, "vpc" | "region">,
  routeTables: RouteTable[],
  opts: pulumi.CustomResourceOptions,
): void {
  new aws.ec2.VpcEndpoint(
    `${prefix}-s3`,
    { vpcId: vpc.id, serviceName: serviceName(region, "s3"), routeTableIds: routeTables.map(({ id }) => id) },
    opts,
  );
}

/** Creates the interface endpoints. Only addresses in the VPC can connect to them. */
export function interfaceEndpoints(prefix: string, args: VpcEndpointsArgs, opts: pulumi.CustomResourceOptions): void {
  const { vpc, cidrBlock, region, subnets } = args;
  const group = new aws.ec2.SecurityGroup(
    `${prefix}-vpc-endpoints`,
    { vpcId: vpc.id, description: "AWS services, from inside the VPC" },
    opts,
  );
  new aws.vpc.SecurityGroupIngressRule(
    `${prefix}-vpc-endpoints`,
    { securityGroupId: group.id, cidrIpv4: cidrBlock, ipProtocol: "tcp", fromPort: 443, toPort: 443 },
    opts,
  );
  for (const service of INTERFACE_ENDPOINTS) {
    new aws.ec2.VpcEndpoint(
      `${prefix}-${service}`,
      {
        vpcId: vpc.id,
        serviceName: serviceName(region, service),
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: subnets.map(({ id }) => id),
        securityGroupIds: [group.id],
      },
      opts,
    );
  }
}
