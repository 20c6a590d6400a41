import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { REDIS_PORT } from "./firewall";
import { password } from "../password";
import { secret, type Secret } from "./secret";

export interface RedisArgs {
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** ElastiCache node type. */
  nodeType: string;
  /** Nodes, each in a zone of its own; from two on, one takes over when the first fails. */
  nodes: number;
  /** Days that a daily snapshot is kept; from two on a last snapshot stays when Redis is deleted. */
  snapshotDays: number;
  /** Snapshot that it starts with; empty or none: it starts empty. A change makes a new one: see docs/redis.md. */
  snapshot?: string;
  /** Refuse to delete or replace it. */
  protect: boolean;
  recoveryDays: number;
  /** Key that encrypts data, snapshots and password; default: AWS's own. A change makes a new, empty Redis. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The engine. AWS raises patches by itself, and this version only here: to the provider a version that AWS raised looks like a downgrade,
 * for which it would replace Redis by an empty one.
 */
const ENGINE = { name: "valkey", version: "8.0", family: "valkey8" } as const;

/** UTC; the two must not overlap. */
const WINDOWS = { snapshotWindow: "03:00-04:00", maintenanceWindow: "sun:04:30-sun:05:30" } as const;

/**
 * Redis: broker, result store and the only store of API keys. One shard, as Celery needs; it refuses writes when it is full rather than
 * evict a customer's key.
 *
 * Cost: its nodes by the hour, and snapshots beyond the first by the gigabyte.
 */
export class Redis extends pulumi.ComponentResource {
  /** The URL, in the form that both redis-py and Celery take. */
  readonly url: Secret;
  /** ID of the replication group. */
  readonly groupId: pulumi.Output<string>;

  constructor(name: string, args: RedisArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Redis", name, {}, opts);
    const child = { parent: this };
    const token = password("redis-token", child);
    const group = replicationGroup(name, args, token, child);
    this.groupId = group.id;
    const value = pulumi.interpolate`rediss://:${token}@${group.primaryEndpointAddress}:${REDIS_PORT}/0?ssl_cert_reqs=required`;
    const { recoveryDays, kmsKeyArn } = args;
    const description = "URL of Redis, with its password";
    this.url = secret("redis-url", { value, description, recoveryDays, kmsKeyArn }, child);
    this.registerOutputs();
  }
}

function replicationGroup(
  name: string,
  args: RedisArgs,
  token: pulumi.Output<string>,
  child: pulumi.CustomResourceOptions,
): aws.elasticache.ReplicationGroup {
  const snapshot = args.snapshot || undefined;
  // Not for the whole component: a restore and a new password replace what else is in it.
  const kept = { ...child, protect: args.protect };
  // Each life has a name of its own. So a restored Redis starts beside the old one, which goes only when all else has succeeded, and a
  // last snapshot's name is never taken. It is protected too: a restore that is refused must not leave another name behind.
  const life = new random.RandomString(
    "redis",
    { length: 6, special: false, upper: false, keepers: { snapshot: snapshot ?? "" } },
    kept,
  );
  const id = pulumi.interpolate`${name}-${life.result}`;
  const subnets = new aws.elasticache.SubnetGroup("redis", { subnetIds: args.subnetIds }, child);
  const parameters = new aws.elasticache.ParameterGroup(
    "redis",
    { family: ENGINE.family, parameters: [{ name: "maxmemory-policy", value: "noeviction" }] },
    child,
  );
  return new aws.elasticache.ReplicationGroup(
    "redis",
    {
      replicationGroupId: id,
      description: "SpatialForge: queue, results and API keys",
      engine: ENGINE.name,
      engineVersion: ENGINE.version,
      autoMinorVersionUpgrade: false,
      nodeType: args.nodeType,
      numCacheClusters: args.nodes,
      automaticFailoverEnabled: args.nodes > 1,
      multiAzEnabled: args.nodes > 1,
      port: REDIS_PORT,
      subnetGroupName: subnets.name,
      securityGroupIds: [args.securityGroupId],
      parameterGroupName: parameters.name,
      atRestEncryptionEnabled: true,
      kmsKeyId: args.kmsKeyArn,
      transitEncryptionEnabled: true,
      // 16 to 128 characters; letters and digits are among those allowed. A new one is valid beside the old one, until the next.
      // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
      authToken: token,
      authTokenUpdateStrategy: "ROTATE",
      snapshotName: snapshot,
      snapshotRetentionLimit: args.snapshotDays,
      finalSnapshotIdentifier: args.snapshotDays > 1 ? pulumi.interpolate`${id}-final` : undefined,
      ...WINDOWS,
      applyImmediately: true,
    },
    kept,
  );
}
