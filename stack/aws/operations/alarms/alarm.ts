import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { runbookLink, type RunbookSection } from "./runbook";

/** An alarm on one metric. */
export interface Alarm {
  /** What the alarm means, and what to do. */
  description: string;
  /** Section of docs/operations.md with the commands. */
  runbook: RunbookSection;
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
  /** `p95`: the value that 5 % of the values exceed. */
  statistic: "Maximum" | "Sum" | "SampleCount" | "p95";
  comparison: "GreaterThanThreshold" | "LessThanThreshold";
  threshold: number;
  /** Number of consecutive minutes for which the comparison must be true. */
  minutes: number;
  treatMissingData: "breaching" | "notBreaching";
}

/** Seconds of a period. It is the interval of the metrics of AWS, and 60 is the shortest period without the price of a high-resolution alarm. */
export const PERIOD_S = 60;

/** The description of an alarm, with the link to its runbook section. */
export const descriptionOf = ({ description, runbook }: Pick<Alarm, "description" | "runbook">): string =>
  `${description} ${runbookLink(runbook)}`;

/**
 * Creates an alarm.
 * @param more - name in AWS, and what the alarm does when its state changes. Default: a generated name, and nothing
 */
export function metricAlarm(
  name: string,
  alarm: Alarm,
  more: Pick<aws.cloudwatch.MetricAlarmArgs, "name" | "alarmActions" | "okActions">,
  opts: pulumi.CustomResourceOptions,
): aws.cloudwatch.MetricAlarm {
  const { namespace, metric, dimensions, statistic, comparison, threshold, minutes, treatMissingData } = alarm;
  return new aws.cloudwatch.MetricAlarm(
    name,
    {
      ...more,
      alarmDescription: descriptionOf(alarm),
      namespace,
      metricName: metric,
      dimensions,
      // A percentile has an input of its own.
      ...(statistic === "p95" ? { extendedStatistic: statistic } : { statistic }),
      comparisonOperator: comparison,
      threshold,
      period: PERIOD_S,
      evaluationPeriods: minutes,
      treatMissingData,
    },
    opts,
  );
}
