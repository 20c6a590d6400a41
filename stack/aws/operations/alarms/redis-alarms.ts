import * as pulumi from "@pulumi/pulumi";
import type { Alarm } from "./alarm";
import { RUNBOOK } from "./runbook";

export interface RedisNodes {
  replicationGroupId: pulumi.Input<string>;
  nodes: number;
}

/** IDs of the nodes of a replication group, by their number. */
export const nodeIds = ({ replicationGroupId, nodes }: RedisNodes): Record<string, pulumi.Output<string>> =>
  Object.fromEntries(
    Array.from({ length: nodes }, (_, index) => {
      const number = String(index + 1).padStart(3, "0");
      return [number, pulumi.interpolate`${replicationGroupId}-${number}`];
    }),
  );

/** A node that is replaced reports nothing for a while. */
const COMMON = {
  namespace: "AWS/ElastiCache",
  statistic: "Maximum",
  comparison: "GreaterThanThreshold",
  minutes: 5,
  treatMissingData: "notBreaching",
} as const;

/**
 * Alarms for each node. There is none for evictions, because the policy `noeviction` rejects writes instead.
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.WhichShouldIMonitor.html
 */
const ALARMS: Record<string, Omit<Alarm, "dimensions">> = {
  "redis-memory": {
    ...COMMON,
    description:
      "Redis is nearly full. When it is full it rejects writes: no jobs and no new API keys. Use a larger aws.redis.nodeType.",
    runbook: RUNBOOK.fullRedis,
    metric: "DatabaseMemoryUsagePercentage",
    threshold: 75,
  },
  "redis-cpu": {
    ...COMMON,
    description:
      "The thread of Redis that runs commands is busy, so requests and jobs are slow. Use a larger aws.redis.nodeType.",
    runbook: RUNBOOK.slowRequests,
    metric: "EngineCPUUtilization",
    threshold: 90, // the value that AWS suggests
  },
};

/** The primary node has no such metric, but each node can become the primary one. */
const REPLICA_ALARMS: Record<string, Omit<Alarm, "dimensions">> = {
  "redis-replication-lag": {
    ...COMMON,
    description:
      "A replica of Redis is more than 30 seconds behind. A failover would lose the writes of this time. Check the CPU and the network of both nodes.",
    runbook: RUNBOOK.redisFailover,
    metric: "ReplicationLag",
    threshold: 30,
  },
};

/** Alarms on each node of Redis. */
export function redisAlarms(redis: RedisNodes): Record<string, Alarm> {
  const alarms = { ...ALARMS, ...(redis.nodes > 1 ? REPLICA_ALARMS : {}) };
  return Object.fromEntries(
    Object.entries(alarms).flatMap(([id, alarm]) =>
      Object.entries(nodeIds(redis)).map(([number, CacheClusterId]) => [
        `${id}-${number}`,
        { ...alarm, dimensions: { CacheClusterId } },
      ]),
    ),
  );
}
