import type * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../../config/services";
import { loadBalancerDimensions, type LoadBalancerDimensions } from "../alarms/api-alarms";
import type { GpuCapacity } from "../alarms/gpu-alarms";
import { nodeIds, type RedisNodes } from "../alarms/redis-alarms";
import { dimensionsOf, METRICS } from "../metrics";
import type { Panel, PanelMetric } from "./widget";

export interface PanelsArgs {
  services: readonly ServiceSpec[];
  loadBalancer: LoadBalancerDimensions;
  gpuCapacity: GpuCapacity;
  redis: RedisNodes;
}

/** The panels of the dashboard. */
export const panels = (args: PanelsArgs): Panel[] => [
  ...requestPanels(args.loadBalancer),
  ...jobPanels(args.services),
  ...taskPanels(args),
  ...gpuPanels(args.services),
  ...redisPanels(args.redis),
];

type Line = [metric: string, statistic: string, label: string, axis?: PanelMetric["axis"]];

/** Metrics with the same namespace and dimensions. */
const lines = (
  namespace: string,
  dimensions: Record<string, pulumi.Input<string>>,
  ...some: readonly Line[]
): PanelMetric[] =>
  some.map(([metric, statistic, label, axis]) => ({ namespace, metric, dimensions, statistic, label, axis }));

function requestPanels(loadBalancer: LoadBalancerDimensions): Panel[] {
  const target = (...some: Line[]) => lines("AWS/ApplicationELB", loadBalancerDimensions(loadBalancer), ...some);
  const balancer = { LoadBalancer: loadBalancer.arnSuffix };
  return [
    { title: "Requests per minute", metrics: target(["RequestCount", "Sum", "requests"]) },
    {
      title: "Response time in seconds",
      metrics: target(
        ["TargetResponseTime", "p50", "p50"],
        ["TargetResponseTime", "p95", "p95"],
        ["TargetResponseTime", "p99", "p99"],
      ),
    },
    {
      title: "Errors per minute",
      metrics: [
        ...target(["HTTPCode_Target_5XX_Count", "Sum", "5xx of the API"]),
        ...target(["HTTPCode_Target_4XX_Count", "Sum", "4xx of the API", "right"]),
        ...lines("AWS/ApplicationELB", balancer, ["HTTPCode_ELB_5XX_Count", "Sum", "5xx of the load balancer"]),
      ],
    },
    {
      title: "Targets of the load balancer",
      metrics: target(["HealthyHostCount", "Minimum", "healthy"], ["UnHealthyHostCount", "Maximum", "unhealthy"]),
    },
  ];
}

const jobPanels = (services: readonly ServiceSpec[]): Panel[] =>
  services
    .filter(({ role }) => role.queues.length > 0)
    .map(({ name }) => ({
      title: `Jobs of ${name}`,
      metrics: lines(
        METRICS.namespace,
        dimensionsOf(name),
        [METRICS.backlog, "Maximum", "waiting and running"],
        [METRICS.wantedTasks, "Maximum", "tasks that they need"],
        [METRICS.backlogAge, "Maximum", "seconds for which the next one has waited", "right"],
      ),
    }));

/**
 * Tasks, deployments, and instances. The numbers of tasks and deployments are metrics of Container Insights, which has none while a service
 * runs no task.
 */
function taskPanels({ services, gpuCapacity: { clusterName, capacityProvider } }: PanelsArgs): Panel[] {
  const insights = (ServiceName: string, ...some: Line[]) =>
    lines("ECS/ContainerInsights", { ClusterName: clusterName, ServiceName }, ...some);
  return [
    {
      title: "Tasks",
      metrics: services.flatMap(({ name }) =>
        insights(
          name,
          ["DesiredTaskCount", "Maximum", `${name}, desired`],
          ["RunningTaskCount", "Minimum", `${name}, running`],
        ),
      ),
    },
    {
      title: "Deployments (2 while one is in progress)",
      metrics: services.flatMap(({ name }) => insights(name, ["DeploymentCount", "Maximum", name])),
    },
    {
      title: "GPU instances: needed in percent of running (over 100: tasks wait)",
      metrics: lines("AWS/ECS/ManagedScaling", { ClusterName: clusterName, CapacityProviderName: capacityProvider }, [
        "CapacityProviderReservation",
        "Maximum",
        "reservation",
      ]),
    },
    {
      title: "Instances in the cluster",
      metrics: lines("ECS/ContainerInsights", { ClusterName: clusterName }, [
        "ContainerInstanceCount",
        "Maximum",
        "instances",
      ]),
    },
  ];
}

function gpuPanels(services: readonly ServiceSpec[]): Panel[] {
  const roles = services.filter(({ gpu }) => gpu).map(({ name }) => name);
  const ofEach = (...some: Line[]) =>
    roles.flatMap((role) =>
      lines(
        METRICS.namespace,
        dimensionsOf(role),
        ...some.map(([a, b, label, axis]): Line => [a, b, `${role}, ${label}`, axis]),
      ),
    );
  return [
    {
      title: "GPU utilization in percent, and temperature",
      metrics: ofEach(
        [METRICS.gpuUtilization, "Average", "average"],
        [METRICS.gpuUtilization, "Maximum", "maximum"],
        [METRICS.gpuTemperature, "Maximum", "°C", "right"],
      ),
    },
    {
      title: "GPU memory in bytes, and power",
      metrics: ofEach(
        [METRICS.gpuMemoryUsed, "Maximum", "used"],
        [METRICS.gpuMemoryTotal, "Minimum", "total"],
        [METRICS.gpuPower, "Maximum", "watts", "right"],
      ),
    },
    {
      title: "GPU errors",
      metrics: ofEach(
        [METRICS.gpuErrors, "Sum", "need an operator"],
        [METRICS.gpuEccErrors, "Sum", "uncorrected memory errors"],
        [METRICS.gpuXidErrors, "Sum", "all Xid errors"],
      ),
    },
  ];
}

function redisPanels(redis: RedisNodes): Panel[] {
  const ofEach = (...some: Line[]) =>
    Object.entries(nodeIds(redis)).flatMap(([number, CacheClusterId]) =>
      lines(
        "AWS/ElastiCache",
        { CacheClusterId },
        ...some.map(([a, b, label, axis]): Line => [a, b, `${number}, ${label}`, axis]),
      ),
    );
  return [
    {
      title: "Redis memory in percent, and evictions",
      metrics: ofEach(
        ["DatabaseMemoryUsagePercentage", "Maximum", "memory"],
        ["Evictions", "Sum", "evicted keys", "right"],
      ),
    },
    {
      title: "Redis CPU in percent, and seconds that replicas are behind",
      metrics: ofEach(
        ["EngineCPUUtilization", "Maximum", "CPU"],
        ...(redis.nodes > 1 ? [["ReplicationLag", "Maximum", "behind", "right"] as Line] : []),
      ),
    },
  ];
}
