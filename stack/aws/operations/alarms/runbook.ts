/** The sections of docs/operations.md that alarms link to, by the anchor of their heading. */
export const RUNBOOK = {
  noCapacity: "no-capacity",
  failedGpu: "a-gpu-that-failed",
  apiErrors: "errors-of-the-api",
  slowRequests: "slow-requests",
  waitingJobs: "jobs-wait",
  fullRedis: "redis-is-full",
  redisFailover: "redis-failed-over",
} as const;

export type RunbookSection = (typeof RUNBOOK)[keyof typeof RUNBOOK];

/** The sections for the alarms that end a deployment, by the end of their names. */
export const DEPLOYMENT_ALARM_SECTIONS = { "5xx": RUNBOOK.apiErrors, p95: RUNBOOK.slowRequests } as const;

/** The last sentence of the description of an alarm. */
export const runbookLink = (section: RunbookSection): string => `Runbook: docs/operations.md#${section}`;
