import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "../context";
import { flowLogs } from "./flow-logs";
import { routeTable, subnets } from "./subnets";
import { interfaceEndpoints, s3Endpoint } from "./vpc-endpoints";

export interface NetworkArgs extends AwsContext {
  /** Name in AWS. */
  name: string;
  /** CIDR block of the VPC, /16 to /20. */
  cidrBlock: string;
  /** Availability Zones of the subnets, 2 or 3. A zone with another name replaces the subnets with its index. */
  availabilityZones: readonly string[];
  /**
   * Creates a NAT gateway in each zone, so that the loss of a zone does not affect the others. Otherwise, one NAT gateway for all zones.
   */
  natGatewayPerZone: boolean;
  /** Creates interface endpoints, so that image pulls, logs, and secrets do not depend on a NAT gateway. */
  vpcEndpoints: boolean;
  /** Retention of the flow logs in days. 0: no flow logs. */
  flowLogRetentionDays: number;
  /** Encrypts the flow logs. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * A VPC with a public and a private subnet in each Availability Zone. Only the load balancer and the NAT gateways are in public subnets.
 *
 * Cost: NAT gateways, and interface endpoints in each zone, by the hour and by the gigabyte.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpc: aws.ec2.Vpc;
  readonly publicSubnets: aws.ec2.Subnet[];
  readonly privateSubnets: aws.ec2.Subnet[];
  /**
   * Routes from the subnets of each kind to the internet. A resource that needs them must depend on them, to be created after and deleted
   * before them.
   */
  readonly internetAccess: Readonly<Record<"public" | "private", pulumi.Resource[]>>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Network", name, {}, opts);
    const child = { parent: this };

    this.vpc = new aws.ec2.Vpc(
      `${name}-vpc`,
      { cidrBlock: args.cidrBlock, enableDnsSupport: true, enableDnsHostnames: true, tags: { Name: args.name } },
      child,
    );
    const vpc = this.vpc;
    // The default security group has no rules, so a resource that gets it by accident can reach nothing.
    new aws.ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: vpc.id, ingress: [], egress: [] }, child);
    const created = subnets(name, { ...args, vpc }, child);
    this.publicSubnets = created.public;
    this.privateSubnets = created.private;

    const internetGateway = new aws.ec2.InternetGateway(`${name}-internet`, { vpcId: vpc.id }, child);
    const publicRoutes = routeTable(
      `${name}-public`,
      {
        name: `${args.name}-public`,
        vpc,
        subnets: this.publicSubnets,
        gateway: { gatewayId: internetGateway.id },
      },
      child,
    );
    const natGateways = this.publicSubnets.slice(0, args.natGatewayPerZone ? undefined : 1).map(({ id }, zone) => {
      const natName = `${name}-nat-${zone}`;
      const address = new aws.ec2.Eip(natName, { domain: "vpc" }, { ...child, dependsOn: [internetGateway] });
      const dependsOn = publicRoutes.dependencies;
      return new aws.ec2.NatGateway(natName, { allocationId: address.id, subnetId: id }, { ...child, dependsOn });
    });
    const privateRoutes = this.privateSubnets.map((subnet, zone) => {
      const gateway = { natGatewayId: (natGateways[zone] ?? natGateways[0]).id };
      const tableArgs = { name: `${args.name}-private-${zone}`, vpc, subnets: [subnet], gateway };
      return routeTable(`${name}-private-${zone}`, tableArgs, child);
    });
    this.internetAccess = {
      public: publicRoutes.dependencies,
      private: privateRoutes.flatMap(({ dependencies }) => dependencies),
    };

    s3Endpoint(name, { ...args, vpc }, privateRoutes, child);
    if (args.vpcEndpoints) interfaceEndpoints(name, { ...args, vpc, subnets: this.privateSubnets }, child);
    if (args.flowLogRetentionDays) {
      flowLogs(`${name}-flow-logs`, { ...args, vpc, retentionDays: args.flowLogRetentionDays }, child);
    }
    this.registerOutputs({ vpcId: vpc.id });
  }
}
