import { dimensionsOf, METRICS } from "../../../stack/aws/operations/metrics";
import { cloudWatchClient } from "../../../stack/clients/aws";
import type { ServiceSpec } from "../../../stack/config/services";
import type { QueueStatus, RedisNode } from "../model";

/** Older values are not shown. Beat publishes each 30 s, and CloudWatch has the metrics of ElastiCache each minute. */
const MAXIMUM_AGE_S = 300;

/** Seconds of a data point. */
const PERIOD_S = 60;

interface Metric {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** The newest value of each metric. Undefined if CloudWatch has none of the last minutes. */
async function newestValues(metrics: readonly Metric[]): Promise<(number | undefined)[]> {
  if (!metrics.length) return [];
  const { client, GetMetricDataCommand } = await cloudWatchClient();
  const now = Date.now();
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - MAXIMUM_AGE_S * 1000),
      EndTime: new Date(now + PERIOD_S * 1000), // so that the current minute counts
      ScanBy: "TimestampDescending",
      MetricDataQueries: metrics.map(({ namespace, name, dimensions }, index) => {
        const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
        const Metric = { Namespace: namespace, MetricName: name, Dimensions };
        return { Id: `m${index}`, MetricStat: { Metric, Period: PERIOD_S, Stat: "Maximum" } };
      }),
    }),
  );
  return metrics.map((_, index) => MetricDataResults.find(({ Id }) => Id === `m${index}`)?.Values?.[0]);
}

/** The jobs of each role that consumes queues, as beat publishes them. */
export async function queueStatus(specs: readonly ServiceSpec[]): Promise<QueueStatus[]> {
  const consumers = specs.filter(({ role }) => role.queues.length > 0);
  const names = [METRICS.backlog, METRICS.backlogAge, METRICS.wantedTasks];
  const values = await newestValues(
    consumers.flatMap(({ name: role }) =>
      names.map((name) => ({ namespace: METRICS.namespace, name, dimensions: dimensionsOf(role) })),
    ),
  );
  return consumers.map(({ name, maxTasks, backlogPerTask }, index) => {
    const [jobs, age, wantedTasks] = values.slice(index * names.length, (index + 1) * names.length);
    return { role: name, jobs, age, wantedTasks, maxTasks, capacity: maxTasks * (backlogPerTask ?? Infinity) };
  });
}

/** Name of the metric of ElastiCache. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html */
export const REDIS_MEMORY = "DatabaseMemoryUsagePercentage";

/** The used memory of each node. @param nodes - IDs of the cache clusters */
export async function redisStatus(nodes: readonly string[]): Promise<RedisNode[]> {
  const metrics = nodes.map((CacheClusterId) => ({
    namespace: "AWS/ElastiCache",
    name: REDIS_MEMORY,
    dimensions: { CacheClusterId },
  }));
  const values = await newestValues(metrics);
  return nodes.map((node, index) => ({ node, memory: values[index] && Math.round(values[index]) }));
}
