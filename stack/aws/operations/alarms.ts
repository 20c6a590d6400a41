import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../config/services";
import { dimensionsOf, METRICS } from "./metrics";

export interface AlarmsArgs {
  /** Name of the topic in AWS. */
  name: string;
  /** Email address that receives the alarms. Empty: only other subscribers of the topic. */
  email: string;
  services: readonly ServiceSpec[];
  redis: { replicationGroupId: pulumi.Input<string>; nodes: number };
  /** Suffixes of the ARNs of the load balancer and its target group, which CloudWatch metrics use as dimensions. */
  loadBalancer: { arnSuffix: pulumi.Input<string>; targetGroupArnSuffix: pulumi.Input<string> };
  /** Encrypts the topic. Default: no encryption, because CloudWatch cannot publish to a topic with the AWS managed key. */
  kmsKeyArn?: pulumi.Input<string>;
}

interface Alarm {
  /** What the alarm means, and what to do. */
  description: string;
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
  statistic: "Maximum" | "Sum" | "SampleCount";
  comparison: "GreaterThanThreshold" | "LessThanThreshold";
  threshold: number;
  /** Number of consecutive minutes for which the comparison must be true. */
  minutes: number;
  treatMissingData: "breaching" | "notBreaching";
}

/** Alarms that require action, and the SNS topic that receives them. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Alarms", name, {}, opts);
    const child = { parent: this };
    const topic = new aws.sns.Topic(name, { name: args.name, kmsMasterKeyId: args.kmsKeyArn }, child);
    if (args.email) {
      new aws.sns.TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint: args.email }, child);
    }
    for (const [id, { description, metric, comparison, minutes, ...alarm }] of Object.entries(table(args))) {
      new aws.cloudwatch.MetricAlarm(
        `${name}-${id}`,
        {
          ...alarm,
          alarmDescription: description,
          metricName: metric,
          comparisonOperator: comparison,
          period: 60,
          evaluationPeriods: minutes,
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

const table = (args: AlarmsArgs): Record<string, Alarm> => ({
  ...redisAlarms(args),
  ...backlogAlarms(args),
  "api-5xx": {
    description: "The API returns server errors. Check its log.",
    namespace: "AWS/ApplicationELB",
    metric: "HTTPCode_Target_5XX_Count",
    dimensions: { LoadBalancer: args.loadBalancer.arnSuffix, TargetGroup: args.loadBalancer.targetGroupArnSuffix },
    statistic: "Sum",
    comparison: "GreaterThanThreshold",
    threshold: 10,
    minutes: 3,
    treatMissingData: "notBreaching", // no request, no error
  },
  "load-balancer-5xx": {
    description: "The load balancer gets no response from the API. Check whether its tasks are running and healthy.",
    namespace: "AWS/ApplicationELB",
    metric: "HTTPCode_ELB_5XX_Count",
    dimensions: { LoadBalancer: args.loadBalancer.arnSuffix },
    statistic: "Sum",
    comparison: "GreaterThanThreshold",
    threshold: 10,
    minutes: 3,
    treatMissingData: "notBreaching", // no request, no error
  },
});

function redisAlarms({ redis }: AlarmsArgs): Record<string, Alarm> {
  const nodes = Array.from({ length: redis.nodes }, (_, index) => String(index + 1).padStart(3, "0"));
  const alarm = (node: string): Alarm => ({
    description:
      "Redis is nearly full. When it is full it rejects writes: no jobs and no new API keys. Use a larger aws.redis.nodeType.",
    namespace: "AWS/ElastiCache",
    metric: "DatabaseMemoryUsagePercentage",
    dimensions: { CacheClusterId: pulumi.interpolate`${redis.replicationGroupId}-${node}` },
    statistic: "Maximum",
    comparison: "GreaterThanThreshold",
    threshold: 75,
    minutes: 5,
    treatMissingData: "notBreaching", // a node that is replaced reports nothing for a while
  });
  return Object.fromEntries(nodes.map((node) => [`redis-memory-${node}`, alarm(node)]));
}

function backlogAlarms({ services }: AlarmsArgs): Record<string, Alarm> {
  const alarms = services.map(({ name, maxTasks, backlogPerTask }): Record<string, Alarm> => {
    if (backlogPerTask === undefined) return {};
    const metric = { namespace: METRICS.namespace, dimensions: dimensionsOf(name) };
    return {
      [`${name}-backlog-age`]: {
        ...metric,
        description: `The next job has waited for 15 minutes. Check whether tasks of ${name} start (service events, GPU vCPU quota), or raise aws.${name}.maxTasks.`,
        metric: METRICS.backlogAge,
        statistic: "Maximum",
        comparison: "GreaterThanThreshold",
        threshold: 900,
        minutes: 3,
        treatMissingData: "notBreaching", // missing metrics have their own alarm
      },
      [`${name}-backlog`]: {
        ...metric,
        description: `The backlog has exceeded the target of ${maxTasks} tasks of ${name} for 15 minutes. Check whether they start, or raise aws.${name}.maxTasks.`,
        metric: METRICS.backlog,
        statistic: "Maximum",
        comparison: "GreaterThanThreshold",
        threshold: maxTasks * backlogPerTask,
        minutes: 15,
        treatMissingData: "notBreaching",
      },
      [`${name}-backlog-missing`]: {
        ...metric,
        description: `No backlog is published for ${name}: nothing is scheduled, and ${name} does not scale. Check the beat task and its log.`,
        metric: METRICS.backlog,
        statistic: "SampleCount",
        comparison: "LessThanThreshold",
        threshold: 1,
        minutes: 5,
        treatMissingData: "breaching",
      },
    };
  });
  return Object.assign({}, ...alarms) as Record<string, Alarm>;
}
