import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** The port that the API listens on, and those that Redis and EFS have. */
export const API_PORT = 8000;
export const REDIS_PORT = 6379;
const NFS_PORT = 2049;

/** Who may open a connection to whom, and by which port. Everything else is closed. */
const FLOWS = [
  ["internet", "entry", 443],
  ["internet", "entry", 80],
  ["entry", "api", API_PORT],
  ["api", "redis", REDIS_PORT],
  ["worker", "redis", REDIS_PORT],
  ["beat", "redis", REDIS_PORT],
  ["api", "models", NFS_PORT],
  ["worker", "models", NFS_PORT],
  // the image registry, logs, secrets, the object store, the model hub
  ["api", "internet", 443],
  ["worker", "internet", 443],
  ["beat", "internet", 443],
  ["hosts", "internet", 443],
] as const;

type End = (typeof FLOWS)[number][0 | 1];
/** What has a security group of its own. */
export type Group = Exclude<End, "internet">;

/** A security group for each part of the service, with rules that name each other. */
export class Firewall extends pulumi.ComponentResource {
  readonly groups: Readonly<Record<Group, aws.ec2.SecurityGroup>>;
  /** The rules. What needs them must depend on them, so that it has them from the start to its own end. */
  readonly ready: pulumi.Resource[];

  constructor(name: string, vpcId: pulumi.Input<string>, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Firewall", name, {}, opts);
    const child = { parent: this };
    const names = [...new Set(FLOWS.flatMap(([from, to]) => [from, to]))].filter((end) => end !== "internet");
    this.groups = Object.fromEntries(
      names.map((group) => [
        group,
        new aws.ec2.SecurityGroup(
          group,
          { vpcId, description: `SpatialForge ${group}`, tags: { Name: `${name}-${group}` } },
          child,
        ),
      ]),
    ) as Record<Group, aws.ec2.SecurityGroup>;

    const other = (end: End) =>
      end === "internet" ? { cidrIpv4: "0.0.0.0/0" } : { referencedSecurityGroupId: this.groups[end].id };
    this.ready = FLOWS.flatMap(([from, to, port]) => {
      const rule = { ipProtocol: "tcp", fromPort: port, toPort: port };
      const named = `${from}-${to}-${port}`;
      const made: pulumi.Resource[] = [];
      if (from !== "internet") {
        const securityGroupId = this.groups[from].id;
        made.push(new aws.vpc.SecurityGroupEgressRule(named, { ...rule, securityGroupId, ...other(to) }, child));
      }
      if (to !== "internet") {
        const securityGroupId = this.groups[to].id;
        made.push(new aws.vpc.SecurityGroupIngressRule(named, { ...rule, securityGroupId, ...other(from) }, child));
      }
      return made;
    });
    this.registerOutputs();
  }
}
