import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { REDIS_SUFFIX_LENGTH } from "../../config/physical-names";
import { password } from "../../pulumi/password";
import { REDIS_PORT } from "../network/security-groups";
import { secret, type Secret, type SecretOptions } from "./secret";

export interface RedisArgs extends SecretOptions {
  /** Prefix of the replication group ID in AWS. */
  name: string;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** ElastiCache node type. */
  nodeType: string;
  /** Number of nodes, each in its own Availability Zone. 2 or more nodes enable automatic failover. */
  nodes: number;
  /** Retention of the daily snapshots in days. With 2 or more, a final snapshot is created when Redis is deleted. */
  snapshotRetentionDays: number;
  /** Name of the snapshot to restore. Default: Redis starts without data. A change creates a new replication group: see docs/redis.md. */
  snapshotName?: string;
  /** Refuses to delete or replace the replication group. */
  deletionProtection: boolean;
  /** Encrypts data, snapshots, and the password. Default: keys that AWS owns. A change creates a new replication group without data. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The engine version. AWS updates patch versions. The minor version changes only here: if AWS upgraded it, the provider would treat the
 * version in this file as a downgrade, and would replace Redis with an empty one.
 */
const ENGINE = { name: "valkey", version: "8.0", family: "valkey8" } as const;

/** Times are in UTC. The windows must not overlap. */
const WINDOWS = { snapshotWindow: "03:00-04:00", maintenanceWindow: "sun:04:30-sun:05:30" } as const;

/**
 * Redis: the Celery broker, the result store, and the only store of API keys. It has one shard, because Celery supports only one. When it
 * is full, it rejects writes instead of evicting API keys.
 *
 * Cost: the nodes by the hour, and all snapshots except the first by the gigabyte.
 */
export class Redis extends pulumi.ComponentResource {
  /** The URL with the password, in a form that both redis-py and Celery accept. */
  readonly url: Secret;
  readonly replicationGroupId: pulumi.Output<string>;

  constructor(name: string, args: RedisArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Redis", name, {}, opts);
    const child = { parent: this };
    const token = password(`${name}-token`, child);
    const group = replicationGroup(name, args, token, child);
    this.replicationGroupId = group.id;
    const { recoveryWindowDays, kmsKeyArn } = args;
    this.url = secret(
      `${name}-url`,
      {
        name: "redis-url",
        value: pulumi.interpolate`rediss://:${token}@${group.primaryEndpointAddress}:${REDIS_PORT}/0?ssl_cert_reqs=required`,
        description: "URL of Redis, with its password",
        recoveryWindowDays,
        kmsKeyArn,
      },
      child,
    );
    this.registerOutputs();
  }
}

function replicationGroup(
  name: string,
  args: RedisArgs,
  authToken: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): aws.elasticache.ReplicationGroup {
  const snapshotName = args.snapshotName || undefined;
  // The whole component is not protected, because a restore and a new password replace its other resources.
  const protectedOpts = { ...opts, protect: args.deletionProtection };
  // Each replication group has a random ID. So a restore can create the new one before it deletes the old one, and the name of the final
  // snapshot is always free. The suffix is protected too: a rejected restore must not change it.
  const suffix = new random.RandomString(
    `${name}-id`,
    { length: REDIS_SUFFIX_LENGTH, special: false, upper: false, keepers: { snapshot: snapshotName ?? "" } },
    protectedOpts,
  );
  const id = pulumi.interpolate`${args.name}-${suffix.result}`;
  const subnets = new aws.elasticache.SubnetGroup(`${name}-subnets`, { subnetIds: args.subnetIds }, opts);
  const parameters = new aws.elasticache.ParameterGroup(
    `${name}-parameters`,
    { family: ENGINE.family, parameters: [{ name: "maxmemory-policy", value: "noeviction" }] },
    opts,
  );
  return new aws.elasticache.ReplicationGroup(
    name,
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
      // 16 to 128 characters. A new token is valid in addition to the old one, until the next change.
      // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
      authToken,
      authTokenUpdateStrategy: "ROTATE",
      snapshotName,
      snapshotRetentionLimit: args.snapshotRetentionDays,
      finalSnapshotIdentifier: args.snapshotRetentionDays > 1 ? pulumi.interpolate`${id}-final` : undefined,
      ...WINDOWS,
      applyImmediately: true,
    },
    protectedOpts,
  );
}
