import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { METRICS, ofStack } from "./metrics";

export interface ScalingArgs {
  clusterName: pulumi.Input<string>;
  api: {
    service: pulumi.Input<string>;
    min: number;
    max: number;
    /** Requests a minute for each task. */
    requestsPerTarget: number;
    /** Load balancer and target group, as their metrics name them. */
    resourceLabel: pulumi.Input<string>;
  };
  worker: {
    service: pulumi.Input<string>;
    min: number;
    max: number;
    /** Jobs for each task, running ones included. */
    backlogPerTask: number;
  };
}

/** Seconds between two changes of the count. A GPU host takes minutes to start: it must not go as soon as it has come. */
const COOLDOWN_S = { out: 60, in: 600 };

/**
 * How many tasks there are: of the API by the requests that each gets, of the worker by the jobs that wait or run. Running jobs count, or a
 * worker would be taken away in the middle of one.
 */
export class Scaling extends pulumi.ComponentResource {
  constructor(name: string, args: ScalingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Scaling", name, {}, opts);
    const child = { parent: this };
    const cooldown = { scaleOutCooldown: COOLDOWN_S.out, scaleInCooldown: COOLDOWN_S.in };
    const { api, worker, clusterName } = args;

    tracking("api", target("api", clusterName, api, child), child, {
      ...cooldown,
      targetValue: api.requestsPerTarget,
      predefinedMetricSpecification: {
        predefinedMetricType: "ALBRequestCountPerTarget",
        resourceLabel: api.resourceLabel,
      },
    });

    const workers = target("worker", clusterName, worker, child);
    tracking("worker", workers, child, {
      ...cooldown,
      targetValue: worker.backlogPerTask,
      customizedMetricSpecification: { metrics: perTask(clusterName, worker.service) },
    });
    if (worker.min === 0) fromNone(workers, clusterName, worker.service, child);
    this.registerOutputs();
  }
}

function target(
  name: string,
  cluster: pulumi.Input<string>,
  { service, min, max }: { service: pulumi.Input<string>; min: number; max: number },
  child: pulumi.CustomResourceOptions,
): aws.appautoscaling.Target {
  return new aws.appautoscaling.Target(
    name,
    {
      serviceNamespace: "ecs",
      scalableDimension: "ecs:service:DesiredCount",
      resourceId: pulumi.interpolate`service/${cluster}/${service}`,
      minCapacity: min,
      maxCapacity: max,
    },
    child,
  );
}

const of = (on: aws.appautoscaling.Target) => ({
  serviceNamespace: on.serviceNamespace,
  scalableDimension: on.scalableDimension,
  resourceId: on.resourceId,
});

function tracking(
  name: string,
  on: aws.appautoscaling.Target,
  child: pulumi.CustomResourceOptions,
  configuration: aws.types.input.appautoscaling.PolicyTargetTrackingScalingPolicyConfiguration,
): void {
  const policy = { policyType: "TargetTrackingScaling", targetTrackingScalingPolicyConfiguration: configuration };
  new aws.appautoscaling.Policy(name, { ...of(on), ...policy }, child);
}

const INSIGHTS = "ECS/ContainerInsights";

/** Jobs for each running task; with none running, as if there were one. */
function perTask(
  cluster: pulumi.Input<string>,
  service: pulumi.Input<string>,
): aws.types.input.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetric[] {
  const dimensions = (all: Record<string, pulumi.Input<string>>) =>
    Object.entries(all).map(([name, value]) => ({ name, value }));
  const stat = (namespace: string, metricName: string, all: Record<string, pulumi.Input<string>>) => ({
    stat: "Average",
    metric: { namespace, metricName, dimensions: dimensions(all) },
  });
  return [
    { id: "backlog", returnData: false, metricStat: stat(METRICS.namespace, METRICS.backlog, ofStack()) },
    {
      id: "running",
      returnData: false,
      metricStat: stat(INSIGHTS, "RunningTaskCount", { ClusterName: cluster, ServiceName: service }),
    },
    { id: "each", expression: "backlog / IF(FILL(running, 0) < 1, 1, running)", label: "jobs for each task" },
  ];
}

/**
 * Minutes in a row that jobs wait. The newest values of two metrics come at different times, and one that is not there yet counts as
 * none: a single minute proves nothing.
 */
const WAITS_M = 3;

/**
 * From no worker to one, which target tracking is not made for: it divides by those that run. What is asked for counts, not what runs, or a
 * second one would be started while the first one's host still boots.
 */
function fromNone(
  on: aws.appautoscaling.Target,
  cluster: pulumi.Input<string>,
  service: pulumi.Input<string>,
  child: pulumi.CustomResourceOptions,
): void {
  const policy = new aws.appautoscaling.Policy(
    "worker-from-none",
    {
      ...of(on),
      policyType: "StepScaling",
      stepScalingPolicyConfiguration: {
        adjustmentType: "ChangeInCapacity",
        cooldown: COOLDOWN_S.in,
        metricAggregationType: "Maximum",
        stepAdjustments: [{ metricIntervalLowerBound: "0", scalingAdjustment: 1 }],
      },
    },
    child,
  );
  const metric = (namespace: string, metricName: string, dimensions: Record<string, pulumi.Input<string>>) => ({
    namespace,
    metricName,
    dimensions,
    period: 60,
    stat: "Maximum",
  });
  new aws.cloudwatch.MetricAlarm(
    "worker-from-none",
    {
      alarmDescription: "Jobs wait and no worker is asked for: one is started",
      comparisonOperator: "GreaterThanOrEqualToThreshold",
      threshold: 1,
      evaluationPeriods: WAITS_M,
      treatMissingData: "notBreaching",
      alarmActions: [policy.arn],
      metricQueries: [
        { id: "backlog", metric: metric(METRICS.namespace, METRICS.backlog, ofStack()) },
        {
          id: "asked",
          metric: metric(INSIGHTS, "DesiredTaskCount", { ClusterName: cluster, ServiceName: service }),
        },
        {
          id: "wanted",
          expression: "IF(FILL(asked, 0) < 1 AND FILL(backlog, 0) > 0, 1, 0)",
          label: "jobs wait and no worker is asked for",
          returnData: true,
        },
      ],
    },
    child,
  );
}
