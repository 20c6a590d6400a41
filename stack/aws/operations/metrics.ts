import * as pulumi from "@pulumi/pulumi";
import { QUEUES_BY_ROLE } from "../../roles";

/**
 * The metrics that beat publishes in CloudWatch's embedded metric format (images/runtime/backlog.py), for each role that consumes queues.
 */
export const METRICS = {
  namespace: "SpatialForge",
  /** Number of waiting and running jobs. */
  backlog: "Backlog",
  /** Seconds for which the next job has waited. */
  backlogAge: "BacklogAge",
} as const;

/** Dimensions of the metrics of a role. */
export const dimensionsOf = (role: string): Record<string, string> => ({ Stack: pulumi.getStack(), Role: role });

/** Environment variables of the role that publishes the metrics. */
export const publisherEnvironment = (): Record<string, string> => ({
  BACKLOG_NAMESPACE: METRICS.namespace,
  BACKLOG_STACK: pulumi.getStack(),
  BACKLOG_QUEUES: JSON.stringify(QUEUES_BY_ROLE),
});
