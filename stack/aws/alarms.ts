import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { METRICS, ofStack } from "./metrics";

export interface AlarmsArgs {
  /** Who gets them by mail; empty: nobody, and something else subscribes to the topic. */
  email: string;
  /** How many workers there are at most, and the jobs for each. */
  worker: { max: number; backlogPerTask: number };
  /** ID of the Redis replication group, and its nodes. */
  redis: { id: pulumi.Input<string>; nodes: number };
  /** Load balancer and target group, as their metrics name them. */
  balancer: pulumi.Input<string>;
  targetGroup: pulumi.Input<string>;
  /** Encrypts the topic. CloudWatch cannot publish to one that has AWS's own key, so without this it is not encrypted. */
  kmsKeyArn?: pulumi.Input<string>;
}

interface Alarm {
  /** What it means, and what to do. */
  says: string;
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
  statistic: "Maximum" | "Sum" | "SampleCount";
  above?: number;
  below?: number;
  /** Minutes in a row. */
  minutes: number;
  /** What no data means. */
  missing: "breaching" | "notBreaching";
}

/** A topic, and the alarms that someone has to know of. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Alarms", name, {}, opts);
    const child = { parent: this };
    const topic = new aws.sns.Topic("alarms", { name: `${name}-alarms`, kmsMasterKeyId: args.kmsKeyArn }, child);
    if (args.email) {
      new aws.sns.TopicSubscription("alarms", { topic: topic.arn, protocol: "email", endpoint: args.email }, child);
    }
    for (const [id, alarm] of Object.entries(table(args))) {
      new aws.cloudwatch.MetricAlarm(
        id,
        {
          alarmDescription: alarm.says,
          namespace: alarm.namespace,
          metricName: alarm.metric,
          dimensions: alarm.dimensions,
          statistic: alarm.statistic,
          comparisonOperator: alarm.above === undefined ? "LessThanThreshold" : "GreaterThanThreshold",
          threshold: alarm.above ?? alarm.below,
          period: 60,
          evaluationPeriods: alarm.minutes,
          treatMissingData: alarm.missing,
          alarmActions: [topic.arn],
          okActions: [topic.arn],
        },
        child,
      );
    }
    this.topicArn = topic.arn;
    this.registerOutputs({ topicArn: this.topicArn });
  }
}

function table({ worker, redis, balancer, targetGroup }: AlarmsArgs): Record<string, Alarm> {
  const nodes = Array.from({ length: redis.nodes }, (_, place) => String(place + 1).padStart(3, "0"));
  const memory = nodes.map((node): [string, Alarm] => [
    `redis-memory-${node}`,
    {
      says: "Redis is nearly full and refuses writes then: no job, no new key. Take a larger aws.redis.nodeType.",
      namespace: "AWS/ElastiCache",
      metric: "DatabaseMemoryUsagePercentage",
      dimensions: { CacheClusterId: pulumi.interpolate`${redis.id}-${node}` },
      statistic: "Maximum",
      above: 75,
      minutes: 5,
      missing: "notBreaching", // a node that is replaced says nothing for a while
    },
  ]);
  return {
    ...Object.fromEntries(memory),
    "backlog-age": {
      says: "The next job has waited for 15 minutes: see whether workers start (events of the service, quota of GPU vCPUs), or raise aws.worker.max.",
      namespace: METRICS.namespace,
      metric: METRICS.age,
      dimensions: ofStack(),
      statistic: "Maximum",
      above: 900,
      minutes: 3,
      missing: "notBreaching", // the silent beat has an alarm of its own
    },
    backlog: {
      says: "For 15 minutes there have been more jobs than all workers are meant for: see whether they start, or raise aws.worker.max.",
      namespace: METRICS.namespace,
      metric: METRICS.backlog,
      dimensions: ofStack(),
      statistic: "Maximum",
      above: worker.max * worker.backlogPerTask,
      minutes: 15,
      missing: "notBreaching",
    },
    "beat-silent": {
      says: "Beat publishes no backlog: nothing is scheduled and workers do not scale. See the beat task and its log.",
      namespace: METRICS.namespace,
      metric: METRICS.backlog,
      dimensions: ofStack(),
      statistic: "SampleCount",
      below: 1,
      minutes: 5,
      missing: "breaching",
    },
    "api-5xx": {
      says: "The API answers with errors of its own: see its log.",
      namespace: "AWS/ApplicationELB",
      metric: "HTTPCode_Target_5XX_Count",
      dimensions: { LoadBalancer: balancer, TargetGroup: targetGroup },
      statistic: "Sum",
      above: 10,
      minutes: 3,
      missing: "notBreaching", // no request, no error
    },
    "entry-5xx": {
      says: "The load balancer gets no answer from the API: see whether its tasks run and are healthy.",
      namespace: "AWS/ApplicationELB",
      metric: "HTTPCode_ELB_5XX_Count",
      dimensions: { LoadBalancer: balancer },
      statistic: "Sum",
      above: 10,
      minutes: 3,
      missing: "notBreaching",
    },
  };
}
