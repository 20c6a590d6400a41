import * as pulumi from "@pulumi/pulumi";

/** The metrics that the beat task publishes, in embedded metric format (images/runtime/backlog.py). */
export const METRICS = {
  namespace: "SpatialForge",
  /** The one dimension; its value is the stack. */
  dimension: "Stack",
  /** Jobs that wait or run. */
  backlog: "Backlog",
  /** Seconds that the next job has waited. */
  age: "BacklogAge",
} as const;

export const ofStack = (): Record<string, string> => ({ [METRICS.dimension]: pulumi.getStack() });

/** What the beat task needs to know. */
export const beatEnv = (): Record<string, string> => ({
  BACKLOG_NAMESPACE: METRICS.namespace,
  BACKLOG_STACK: pulumi.getStack(),
});
