import type { ServiceSpec } from "../../../config/services";
import { dimensionsOf, METRICS } from "../metrics";
import type { Alarm } from "./alarm";
import { RUNBOOK } from "./runbook";

/** Alarms on the jobs of each role that consumes queues. */
export const backlogAlarms = (services: readonly ServiceSpec[]): Record<string, Alarm> =>
  Object.fromEntries(services.flatMap((service) => Object.entries(alarmsOf(service))));

function alarmsOf({ name, maxTasks, backlogPerTask }: ServiceSpec): Record<string, Alarm> {
  if (backlogPerTask === undefined) return {};
  const common = { namespace: METRICS.namespace, dimensions: dimensionsOf(name), runbook: RUNBOOK.waitingJobs };
  return {
    [`${name}-backlog-age`]: {
      ...common,
      description: `The next job has waited for 15 minutes. Check whether tasks of ${name} start (service events, GPU vCPU quota), or raise aws.${name}.maxTasks.`,
      metric: METRICS.backlogAge,
      statistic: "Maximum",
      comparison: "GreaterThanThreshold",
      threshold: 900,
      minutes: 3,
      treatMissingData: "notBreaching", // missing metrics have their own alarm
    },
    [`${name}-backlog`]: {
      ...common,
      description: `The backlog has exceeded the target of ${maxTasks} tasks of ${name} for 15 minutes. Check whether they start, or raise aws.${name}.maxTasks.`,
      metric: METRICS.backlog,
      statistic: "Maximum",
      comparison: "GreaterThanThreshold",
      threshold: maxTasks * backlogPerTask,
      minutes: 15,
      treatMissingData: "notBreaching",
    },
    [`${name}-backlog-missing`]: {
      ...common,
      description: `No backlog is published for ${name}: nothing is scheduled, and ${name} does not scale. Check the beat task and its log.`,
      metric: METRICS.backlog,
      statistic: "SampleCount",
      comparison: "LessThanThreshold",
      threshold: 1,
      minutes: 5,
      treatMissingData: "breaching",
    },
  };
}
