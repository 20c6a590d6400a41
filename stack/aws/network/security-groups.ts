import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../../app/application";
import { ROLES, type Role, type RoleName } from "../../roles";

export const REDIS_PORT = 6379;
const NFS_PORT = 2049;

/** Parts of the stack that have a security group. */
export type SecurityGroupName = RoleName | "load-balancer" | "redis" | "model-volume" | "gpu-instances";

type Peer = SecurityGroupName | "internet";
type Connection = readonly [from: Peer, to: Peer, port: number];

/** The allowed connections. All others are denied. */
const CONNECTIONS: readonly Connection[] = [
  ["internet", "load-balancer", 443],
  ["internet", "load-balancer", 80],
  // ECS, image registry, logs
  ["gpu-instances", "internet", 443],
  ...ROLES.flatMap((role: Role & { name: RoleName }): Connection[] => [
    ...(role.loadBalanced ? [["load-balancer", role.name, APPLICATION.port] as const] : []),
    [role.name, "redis", REDIS_PORT],
    ...(role.modelVolume ? [[role.name, "model-volume", NFS_PORT] as const] : []),
    // image registry, logs, secrets, object store, model hub
    [role.name, "internet", 443],
  ]),
];

export interface SecurityGroupsArgs {
  /** Name in AWS. */
  name: string;
  vpcId: pulumi.Input<string>;
}

/** A security group for each part of the stack. Except for the internet, rules refer to security groups instead of CIDR blocks. */
export class SecurityGroups extends pulumi.ComponentResource {
  readonly ids: Readonly<Record<SecurityGroupName, pulumi.Output<string>>>;
  /** The rules. A resource that needs them must depend on them, to be created after and deleted before them. */
  readonly rules: pulumi.Resource[];

  constructor(name: string, args: SecurityGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:SecurityGroups", name, {}, opts);
    const child = { parent: this };
    const peers = new Set(CONNECTIONS.flatMap(([from, to]) => [from, to]));
    const groups = [...peers].filter((peer): peer is SecurityGroupName => peer !== "internet");
    this.ids = Object.fromEntries(
      groups.map((group) => {
        const groupArgs = {
          vpcId: args.vpcId,
          description: `SpatialForge ${group}`,
          tags: { Name: `${args.name}-${group}` },
        };
        return [group, new aws.ec2.SecurityGroup(`${name}-${group}`, groupArgs, child).id];
      }),
    ) as Record<SecurityGroupName, pulumi.Output<string>>;
    this.rules = CONNECTIONS.flatMap((connection) => this.allow(name, connection));
    this.registerOutputs();
  }

  /** Creates an egress rule for the source and an ingress rule for the destination of a connection. */
  private allow(prefix: string, [from, to, port]: Connection): pulumi.Resource[] {
    const child = { parent: this };
    const ruleName = `${prefix}-${from}-${to}-${port}`;
    const rule = { ipProtocol: "tcp", fromPort: port, toPort: port };
    const peer = (other: Peer) =>
      other === "internet" ? { cidrIpv4: "0.0.0.0/0" } : { referencedSecurityGroupId: this.ids[other] };
    const rules: pulumi.Resource[] = [];
    if (from !== "internet") {
      const securityGroupId = this.ids[from];
      rules.push(new aws.vpc.SecurityGroupEgressRule(ruleName, { ...rule, securityGroupId, ...peer(to) }, child));
    }
    if (to !== "internet") {
      const securityGroupId = this.ids[to];
      rules.push(new aws.vpc.SecurityGroupIngressRule(ruleName, { ...rule, securityGroupId, ...peer(from) }, child));
    }
    return rules;
  }
}
