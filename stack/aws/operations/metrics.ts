import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../config/services";
import { SCALE_IN_DELAY_S } from "../service/scaling-steps";

/** The metrics that the images publish in CloudWatch's embedded metric format (images/runtime/embedded_metrics.py). */
export const METRICS = {
  namespace: "SpatialForge",
  // For each role that consumes queues. beat publishes them (images/runtime/publisher.py).
  /** Number of waiting and running jobs. */
  backlog: "Backlog",
  /** Seconds for which the next job has waited. */
  backlogAge: "BacklogAge",
  /** Number of tasks that the role needs, between its minimum and its maximum. It falls after a delay. */
  wantedTasks: "WantedTasks",
  // For each role with a GPU. Each of its tasks publishes them (images/runtime/gpu_metrics.py).
  /** Percentage of the time in which a kernel ran. */
  gpuUtilization: "GpuUtilization",
  /** Bytes. */
  gpuMemoryUsed: "GpuMemoryUsed",
  gpuMemoryTotal: "GpuMemoryTotal",
  /** Degrees Celsius. */
  gpuTemperature: "GpuTemperature",
  /** Watts. */
  gpuPower: "GpuPower",
  /** Number of new uncorrected memory errors. */
  gpuEccErrors: "GpuEccErrors",
  /** Number of new Xid errors, of which some are errors of the application. */
  gpuXidErrors: "GpuXidErrors",
  /** Number of new errors that need an operator: uncorrected memory errors, fatal Xid errors, and one if the GPU does not respond. */
  gpuErrors: "GpuErrors",
} as const;

/** Dimensions of the metrics of a role. */
export const dimensionsOf = (role: string): Record<string, string> => ({ Stack: pulumi.getStack(), Role: role });

/** Environment variables of a role that publishes metrics. */
const destination = (): Record<string, string> => ({
  METRICS_NAMESPACE: METRICS.namespace,
  METRICS_STACK: pulumi.getStack(),
});

/** Environment variables of a role that publishes the metrics of its GPU, if it has one. */
export const gpuMetricsEnvironment = (role: string): Record<string, string> => ({
  ...destination(),
  METRICS_ROLE: role,
});

/** Environment variables of the role that publishes the backlog. `services`: those of all roles. */
export const publisherEnvironment = (services: readonly ServiceSpec[]): Record<string, string> => ({
  ...destination(),
  BACKLOG_ROLES: JSON.stringify(
    Object.fromEntries(
      services
        .filter(({ role }) => role.queues.length > 0)
        .map(({ name, role: { queues }, minTasks, maxTasks, backlogPerTask }) => [
          name,
          { queues, minTasks, maxTasks, backlogPerTask },
        ]),
    ),
  ),
  SCALE_IN_DELAY_S: String(SCALE_IN_DELAY_S),
});
