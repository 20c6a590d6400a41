import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../config/services";
import { SCALE_IN_DELAY_S } from "../service/scaling-steps";

/**
 * The metrics that beat publishes in CloudWatch's embedded metric format (images/runtime/publisher.py), for each role that consumes queues.
 */
export const METRICS = {
  namespace: "SpatialForge",
  /** Number of waiting and running jobs. */
  backlog: "Backlog",
  /** Seconds for which the next job has waited. */
  backlogAge: "BacklogAge",
  /** Number of tasks that the role needs, between its minimum and its maximum. It falls after a delay. */
  wantedTasks: "WantedTasks",
} as const;

/** Dimensions of the metrics of a role. */
export const dimensionsOf = (role: string): Record<string, string> => ({ Stack: pulumi.getStack(), Role: role });

/** Environment variables of the role that publishes the metrics. `services`: those of all roles. */
export const publisherEnvironment = (services: readonly ServiceSpec[]): Record<string, string> => ({
  BACKLOG_NAMESPACE: METRICS.namespace,
  BACKLOG_STACK: pulumi.getStack(),
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
