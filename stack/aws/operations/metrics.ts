import * as pulumi from "@pulumi/pulumi";
import { QUEUES_BY_ROLE } from "../../roles";

/** The metrics that beat publishes in the embedded metric format (images/runtime/backlog.py), one time series for each role with queues. */
export const METRICS = {
  namespace: "SpatialForge",
  /** Number of jobs that wait or run. */
  backlog: "Backlog",
  /** Seconds that the next job has waited. */
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
