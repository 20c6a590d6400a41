import type * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../../config/services";
import { dimensionsOf, METRICS } from "../metrics";
import type { Alarm } from "./alarm";
import { RUNBOOK } from "./runbook";

/** The capacity provider of the GPU instances. */
export interface GpuCapacity {
  clusterName: pulumi.Input<string>;
  capacityProvider: pulumi.Input<string>;
}

/**
 * Alarms on the GPU instances, and on the GPUs of each role. ECS publishes the reservation: 100 × (instances that the tasks need) /
 * (instances that run), and 200 if none runs. It is above 100 as long as tasks wait for an instance. A start takes 5 to 10 minutes, and EC2
 * Auto Scaling retries one that failed. So more than 20 minutes are a failure, whatever its cause.
 * https://aws.amazon.com/blogs/containers/deep-dive-on-amazon-ecs-cluster-auto-scaling/
 */
export function gpuAlarms(services: readonly ServiceSpec[], capacity: GpuCapacity): Record<string, Alarm> {
  return {
    "gpu-capacity": {
      description:
        "Tasks have waited for a GPU instance for 20 minutes. Check the scaling activities of the Auto Scaling group.",
      runbook: RUNBOOK.noCapacity,
      namespace: "AWS/ECS/ManagedScaling",
      metric: "CapacityProviderReservation",
      dimensions: { ClusterName: capacity.clusterName, CapacityProviderName: capacity.capacityProvider },
      statistic: "Maximum",
      comparison: "GreaterThanThreshold",
      threshold: 100,
      minutes: 20,
      treatMissingData: "notBreaching",
    },
    ...Object.fromEntries(services.filter(({ gpu }) => gpu).map(({ name }) => [`${name}-gpu-errors`, gpuErrors(name)])),
  };
}

const gpuErrors = (role: string): Alarm => ({
  description: `A GPU of ${role} has an uncorrected memory error, a fatal Xid error, or does not respond. ECS replaces its task. Replace the instance if the error returns.`,
  runbook: RUNBOOK.failedGpu,
  namespace: METRICS.namespace,
  metric: METRICS.gpuErrors,
  dimensions: dimensionsOf(role),
  statistic: "Sum",
  comparison: "GreaterThanThreshold",
  threshold: 0,
  minutes: 1,
  treatMissingData: "notBreaching", // no task, no GPU
});
