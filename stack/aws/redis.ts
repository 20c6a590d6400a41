import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
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
  /** Days that a daily snapshot is kept. */
  snapshotDays: number;
  recoveryDays: number;
}

/**
 * Redis: broker, result store and the only store of API keys. One shard, as Celery needs; it refuses writes when it is full rather than
 * evict a customer's key.
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
    const subnets = new aws.elasticache.SubnetGroup("redis", { subnetIds: args.subnetIds }, child);
    const parameters = new aws.elasticache.ParameterGroup(
      "redis",
      { family: "valkey8", parameters: [{ name: "maxmemory-policy", value: "noeviction" }] },
      child,
    );
    const group = new aws.elasticache.ReplicationGroup(
      "redis",
      {
        replicationGroupId: name,
        description: "SpatialForge: queue, results and API keys",
        engine: "valkey",
        engineVersion: "8.0",
        nodeType: args.nodeType,
        numCacheClusters: args.nodes,
        automaticFailoverEnabled: args.nodes > 1,
        multiAzEnabled: args.nodes > 1,
        port: REDIS_PORT,
        subnetGroupName: subnets.name,
        securityGroupIds: [args.securityGroupId],
        parameterGroupName: parameters.name,
        atRestEncryptionEnabled: true,
        transitEncryptionEnabled: true,
        authToken: token,
        authTokenUpdateStrategy: "ROTATE",
        snapshotRetentionLimit: args.snapshotDays,
        snapshotWindow: "03:00-04:00",
        applyImmediately: true,
      },
      child,
    );
    this.groupId = group.id;
    const value = pulumi.interpolate`rediss://:${token}@${group.primaryEndpointAddress}:${REDIS_PORT}/0?ssl_cert_reqs=required`;
    const { recoveryDays } = args;
    this.url = secret("redis-url", { value, recoveryDays, description: "URL of Redis, with its password" }, child);
    this.registerOutputs();
  }
}
