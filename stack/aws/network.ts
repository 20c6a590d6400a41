import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { allowing, serviceTrust, type Place } from "./roles";
import { formatRange, parseRange } from "../settings/cidr";

export interface NetworkArgs extends Place {
  /** IPv4 range of the VPC, /16 to /20. */
  cidr: string;
  /** Availability zones: 2 or 3. */
  zones: number;
  /** A NAT gateway for each zone, so that the loss of a zone takes no other off the internet; else one for all. */
  natPerZone: boolean;
  /** Interface endpoints, so that pulls, logs and secrets do not depend on NAT. */
  endpoints: boolean;
  /** Days that the VPC's flow logs are kept; 0: no flow logs. */
  flowLogDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/** AWS services that the tasks and hosts call, reached inside the VPC where `endpoints` says so. */
export const ENDPOINTS = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"] as const;

/**
 * A VPC with a public and a private subnet in each zone. Only the load balancer and the NAT gateways are in public ones. S3 is reached
 * by a gateway endpoint, as image layers come from there.
 *
 * Cost: a NAT gateway and, if chosen, four interface endpoints for each zone, by the hour and by the gigabyte.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpc: aws.ec2.Vpc;
  readonly publicSubnets: aws.ec2.Subnet[];
  readonly privateSubnets: aws.ec2.Subnet[];
  /** The ways to the internet. What needs one must depend on it, so that it has it from the start to its own end. */
  readonly ways: Readonly<Record<"public" | "private", pulumi.Resource[]>>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Network", name, {}, opts);
    const child = { parent: this };
    const { zones } = args;

    this.vpc = new aws.ec2.Vpc(
      "vpc",
      { cidrBlock: args.cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: { Name: name } },
      child,
    );
    // Nothing uses it: closed, so that nothing can by accident.
    new aws.ec2.DefaultSecurityGroup("closed", { vpcId: this.vpc.id, ingress: [], egress: [] }, child);
    const names = aws.getAvailabilityZonesOutput({ state: "available", filters: [NO_LOCAL_ZONES] }, child).names;
    const subnet = (kind: "public" | "private") => (zone: number) =>
      new aws.ec2.Subnet(
        `${kind}-${zone}`,
        {
          vpcId: this.vpc.id,
          cidrBlock: subnetCidr(args.cidr, kind, zone),
          availabilityZone: names.apply((all) => all[zone]),
          tags: { Name: `${name}-${kind}-${zone}` },
        },
        child,
      );
    this.publicSubnets = range(zones).map(subnet("public"));
    this.privateSubnets = range(zones).map(subnet("private"));

    const gateway = new aws.ec2.InternetGateway("internet", { vpcId: this.vpc.id }, child);
    const outside = routes("public", this.vpc, this.publicSubnets, { gatewayId: gateway.id }, child);
    const gateways = range(args.natPerZone ? zones : 1).map((zone) => {
      const address = new aws.ec2.Eip(`nat-${zone}`, { domain: "vpc" }, { ...child, dependsOn: [gateway] });
      return new aws.ec2.NatGateway(
        `nat-${zone}`,
        { allocationId: address.id, subnetId: this.publicSubnets[zone].id },
        { ...child, dependsOn: outside.ready },
      );
    });
    const inside = this.privateSubnets.map((own, zone) => {
      const nat = gateways[zone] ?? gateways[0];
      return routes(`private-${zone}`, this.vpc, [own], { natGatewayId: nat.id }, child);
    });
    this.ways = { public: outside.ready, private: inside.flatMap(({ ready }) => ready) };

    new aws.ec2.VpcEndpoint(
      "s3",
      {
        vpcId: this.vpc.id,
        serviceName: pulumi.interpolate`com.amazonaws.${args.region}.s3`,
        routeTableIds: inside.map(({ table }) => table.id),
      },
      child,
    );
    if (args.endpoints) endpoints(this, args, child);
    if (args.flowLogDays) flowLogs(this.vpc, args, child);
    this.registerOutputs({ vpcId: this.vpc.id });
  }
}

/** A zone that one opts in to, as a Local Zone, would move the others' numbers, and with them the subnets. */
const NO_LOCAL_ZONES = { name: "opt-in-status", values: ["opt-in-not-required"] };

const range = (length: number): number[] => Array.from({ length }, (_, place) => place);

/**
 * The range of a subnet: the VPC in sixteen parts, private subnets from the first one on, public ones from the ninth. Growing from two
 * zones to three so moves none.
 */
export function subnetCidr(vpc: string, kind: "public" | "private", zone: number): string {
  const { start, prefix } = parseRange(vpc)!;
  const own = prefix + 4;
  return formatRange(start + 2 ** (32 - own) * (zone + (kind === "public" ? 8 : 0)), own);
}

/** A route table of some subnets, whose way out is a gateway. */
function routes(
  name: string,
  vpc: aws.ec2.Vpc,
  subnets: aws.ec2.Subnet[],
  way: { gatewayId: pulumi.Input<string> } | { natGatewayId: pulumi.Input<string> },
  child: pulumi.CustomResourceOptions,
): { table: aws.ec2.RouteTable; ready: pulumi.Resource[] } {
  const table = new aws.ec2.RouteTable(name, { vpcId: vpc.id, tags: { Name: name } }, child);
  const route = new aws.ec2.Route(name, { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", ...way }, child);
  const associations = subnets.map(
    (subnet, place) =>
      new aws.ec2.RouteTableAssociation(`${name}-${place}`, { routeTableId: table.id, subnetId: subnet.id }, child),
  );
  return { table, ready: [route, ...associations] };
}

function endpoints(network: Network, { cidr, region }: NetworkArgs, child: pulumi.CustomResourceOptions): void {
  const group = new aws.ec2.SecurityGroup(
    "endpoints",
    { vpcId: network.vpc.id, description: "AWS services, from inside the VPC" },
    child,
  );
  new aws.vpc.SecurityGroupIngressRule(
    "endpoints",
    { securityGroupId: group.id, cidrIpv4: cidr, ipProtocol: "tcp", fromPort: 443, toPort: 443 },
    child,
  );
  for (const service of ENDPOINTS) {
    new aws.ec2.VpcEndpoint(
      service,
      {
        vpcId: network.vpc.id,
        serviceName: pulumi.interpolate`com.amazonaws.${region}.${service}`,
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: network.privateSubnets.map(({ id }) => id),
        securityGroupIds: [group.id],
      },
      child,
    );
  }
}

function flowLogs(vpc: aws.ec2.Vpc, args: NetworkArgs, child: pulumi.CustomResourceOptions): void {
  const log = new aws.cloudwatch.LogGroup(
    "flow-logs",
    { retentionInDays: args.flowLogDays, kmsKeyId: args.kmsKeyArn },
    child,
  );
  const source = pulumi.interpolate`arn:aws:ec2:${args.region}:${args.account}:vpc-flow-log/*`;
  const role = new aws.iam.Role(
    "flow-logs",
    { assumeRolePolicy: serviceTrust("vpc-flow-logs.amazonaws.com", args.account, source) },
    child,
  );
  new aws.iam.RolePolicy(
    "flow-logs",
    {
      role: role.id,
      policy: allowing([
        {
          Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
          Resource: pulumi.interpolate`${log.arn}:*`,
        },
      ]),
    },
    child,
  );
  new aws.ec2.FlowLog(
    "flow-logs",
    { vpcId: vpc.id, trafficType: "ALL", logDestination: log.arn, iamRoleArn: role.arn },
    child,
  );
}
