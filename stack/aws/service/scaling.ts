import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../config/services";
import { dimensionsOf, METRICS } from "../operations/metrics";
import { capacitySteps } from "./scaling-steps";

export interface ScalingArgs {
  clusterName: pulumi.Input<string>;
  services: readonly ServiceSpec[];
  /** Name of each ECS service, by role. */
  serviceNames: Readonly<Record<string, pulumi.Input<string>>>;
  /** Load balancer and target group in the format of the metric ALBRequestCountPerTarget. */
  resourceLabel: pulumi.Input<string>;
}

/**
 * Minimum seconds between two changes of the number of load-balanced tasks. A GPU instance takes minutes to start, so it must not be stopped
 * soon after.
 */
const COOLDOWN_S = { scaleOut: 60, scaleIn: 600 };

/**
 * Scales the number of tasks of each scaled role: by requests per task if it is load-balanced, to the number that beat publishes if it
 * consumes queues.
 */
export class Scaling extends pulumi.ComponentResource {
  constructor(name: string, args: ScalingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Scaling", name, {}, opts);
    const child = { parent: this };
    for (const spec of args.services.filter(({ role }) => role.scaled)) scale(name, spec, args, child);
    this.registerOutputs();
  }
}

function scale(prefix: string, spec: ServiceSpec, args: ScalingArgs, opts: pulumi.CustomResourceOptions): void {
  const { clusterName, resourceLabel } = args;
  const { minTasks, requestsPerTarget, backlogPerTask } = spec;
  const name = `${prefix}-${spec.name}`;
  const serviceName = args.serviceNames[spec.name];
  const target = new aws.appautoscaling.Target(
    name,
    {
      serviceNamespace: "ecs",
      scalableDimension: "ecs:service:DesiredCount",
      resourceId: pulumi.interpolate`service/${clusterName}/${serviceName}`,
      minCapacity: minTasks,
      maxCapacity: spec.maxTasks,
    },
    opts,
  );
  if (requestsPerTarget !== undefined) {
    targetTracking(name, target, opts, {
      targetValue: requestsPerTarget,
      predefinedMetricSpecification: { predefinedMetricType: "ALBRequestCountPerTarget", resourceLabel },
    });
  }
  if (backlogPerTask !== undefined) exactCapacity(name, spec, target, opts);
}

type TargetTracking = aws.types.input.appautoscaling.PolicyTargetTrackingScalingPolicyConfiguration;

const policyTarget = ({ serviceNamespace, scalableDimension, resourceId }: aws.appautoscaling.Target) => ({
  serviceNamespace,
  scalableDimension,
  resourceId,
});

function targetTracking(
  name: string,
  target: aws.appautoscaling.Target,
  opts: pulumi.CustomResourceOptions,
  configuration: TargetTracking,
): void {
  new aws.appautoscaling.Policy(
    name,
    {
      ...policyTarget(target),
      policyType: "TargetTrackingScaling",
      targetTrackingScalingPolicyConfiguration: {
        scaleOutCooldown: COOLDOWN_S.scaleOut,
        scaleInCooldown: COOLDOWN_S.scaleIn,
        ...configuration,
      },
    },
    opts,
  );
}

/**
 * Seconds of a period of the alarm, which has one evaluation period. beat publishes more often, and CloudWatch invokes the policy once a
 * minute while the alarm is in ALARM:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
 */
const ALARM_PERIOD_S = 60;

/**
 * Sets the number of tasks to the metric `WantedTasks`. The alarm is in ALARM for every value, also for 0, so that the number also falls.
 * The policy has no cooldown: the metric falls only after a delay, and repeating an exact capacity changes nothing. Without data, the alarm
 * changes to INSUFFICIENT_DATA, which has no action: the number stays as it is.
 */
function exactCapacity(
  name: string,
  spec: ServiceSpec,
  target: aws.appautoscaling.Target,
  opts: pulumi.CustomResourceOptions,
): void {
  const policy = new aws.appautoscaling.Policy(
    name,
    {
      ...policyTarget(target),
      policyType: "StepScaling",
      stepScalingPolicyConfiguration: {
        adjustmentType: "ExactCapacity",
        cooldown: 0,
        metricAggregationType: "Maximum",
        // The bounds are relative to the threshold of the alarm, which is 0.
        stepAdjustments: capacitySteps(spec.minTasks, spec.maxTasks).map(({ from, to, capacity }) => ({
          metricIntervalLowerBound: String(from),
          metricIntervalUpperBound: to === undefined ? undefined : String(to),
          scalingAdjustment: capacity,
        })),
      },
    },
    opts,
  );
  new aws.cloudwatch.MetricAlarm(
    name,
    {
      alarmDescription: `Sets the number of tasks of ${spec.name} to the metric. It is always in ALARM while beat publishes the metric. Do not disable its actions: ${spec.name} would not scale.`,
      namespace: METRICS.namespace,
      metricName: METRICS.wantedTasks,
      dimensions: dimensionsOf(spec.name),
      statistic: "Maximum",
      period: ALARM_PERIOD_S,
      evaluationPeriods: 1,
      comparisonOperator: "GreaterThanOrEqualToThreshold",
      threshold: 0,
      treatMissingData: "missing",
      alarmActions: [policy.arn],
    },
    opts,
  );
}
