import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../config/services";
import { dimensionsOf, METRICS } from "../operations/metrics";

export interface ScalingArgs {
  clusterName: pulumi.Input<string>;
  services: readonly ServiceSpec[];
  /** Name of each ECS service, by role. */
  serviceNames: Readonly<Record<string, pulumi.Input<string>>>;
  /** Load balancer and target group in the format of the metric ALBRequestCountPerTarget. */
  resourceLabel: pulumi.Input<string>;
}

/**
 * Minimum seconds between two changes of the number of tasks. A GPU instance takes minutes to start, so it must not be stopped soon after.
 */
const COOLDOWN_S = { scaleOut: 60, scaleIn: 600 };

/**
 * Scales the number of tasks of each scaled role: by requests per task if it is load-balanced, by jobs per task if it consumes queues.
 * Running jobs count too. Otherwise a task would be stopped while it runs its last job.
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
  if (backlogPerTask !== undefined) {
    const metrics = backlogPerTaskMetric(spec.name, clusterName, serviceName);
    targetTracking(name, target, opts, { targetValue: backlogPerTask, customizedMetricSpecification: { metrics } });
    if (minTasks === 0) scaleFromZero(`${name}-from-zero`, spec.name, target, clusterName, serviceName, opts);
  }
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

const CONTAINER_INSIGHTS = "ECS/ContainerInsights";

type Metric =
  aws.types.input.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetric;

/** Metric queries for the number of jobs per running task. If no task is running, it is the number of jobs. */
function backlogPerTaskMetric(
  role: string,
  clusterName: pulumi.Input<string>,
  serviceName: pulumi.Input<string>,
): Metric[] {
  const average = (namespace: string, metricName: string, dimensions: Record<string, pulumi.Input<string>>) => ({
    stat: "Average",
    metric: {
      namespace,
      metricName,
      dimensions: Object.entries(dimensions).map(([name, value]) => ({ name, value })),
    },
  });
  const service = { ClusterName: clusterName, ServiceName: serviceName };
  return [
    {
      id: "backlog",
      returnData: false,
      metricStat: average(METRICS.namespace, METRICS.backlog, dimensionsOf(role)),
    },
    { id: "running", returnData: false, metricStat: average(CONTAINER_INSIGHTS, "RunningTaskCount", service) },
    { id: "each", expression: "backlog / IF(FILL(running, 0) < 1, 1, running)", label: "jobs per task" },
  ];
}

/**
 * Number of consecutive minutes for which jobs must wait. One minute is not enough: the latest values of the two metrics arrive at
 * different times, and a missing value counts as 0.
 */
const WAITING_MINUTES = 3;

/**
 * Starts the first task. Target tracking cannot, because it divides by the number of running tasks. The alarm uses the desired count
 * instead of the running count. Otherwise a second task would start while the GPU instance of the first one is starting.
 */
function scaleFromZero(
  name: string,
  role: string,
  target: aws.appautoscaling.Target,
  clusterName: pulumi.Input<string>,
  serviceName: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): void {
  const policy = new aws.appautoscaling.Policy(
    name,
    {
      ...policyTarget(target),
      policyType: "StepScaling",
      stepScalingPolicyConfiguration: {
        adjustmentType: "ChangeInCapacity",
        cooldown: COOLDOWN_S.scaleIn,
        metricAggregationType: "Maximum",
        stepAdjustments: [{ metricIntervalLowerBound: "0", scalingAdjustment: 1 }],
      },
    },
    opts,
  );
  const maximum = (namespace: string, metricName: string, dimensions: Record<string, pulumi.Input<string>>) => ({
    namespace,
    metricName,
    dimensions,
    period: 60,
    stat: "Maximum",
  });
  const service = { ClusterName: clusterName, ServiceName: serviceName };
  new aws.cloudwatch.MetricAlarm(
    name,
    {
      alarmDescription: `Jobs are waiting and the desired count of ${role} is 0: the first task is started`,
      comparisonOperator: "GreaterThanOrEqualToThreshold",
      threshold: 1,
      evaluationPeriods: WAITING_MINUTES,
      treatMissingData: "notBreaching",
      alarmActions: [policy.arn],
      metricQueries: [
        { id: "backlog", metric: maximum(METRICS.namespace, METRICS.backlog, dimensionsOf(role)) },
        { id: "desired", metric: maximum(CONTAINER_INSIGHTS, "DesiredTaskCount", service) },
        {
          id: "wanted",
          expression: "IF(FILL(desired, 0) < 1 AND FILL(backlog, 0) > 0, 1, 0)",
          label: "jobs are waiting and the desired count is 0",
          returnData: true,
        },
      ],
    },
    opts,
  );
}
