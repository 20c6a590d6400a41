import { ResourceNotFoundException } from "@aws-sdk/client-cloudwatch-logs";
import { serviceTasks } from "../../stack/aws/operations/rollout/service-client";
import { stopReason } from "../../stack/aws/operations/rollout/task-reasons";
import { logOf, taskId } from "../../stack/aws/operations/task-log";
import { logsClient } from "../../stack/clients/aws";
import { ROLES } from "../../stack/roles";
import { requireRole } from "../operate/choose";
import { requireService } from "../operate/service";
import type { OperatedStack } from "../operate/stack";
import type { LogEvent, LogSource } from "./source";

/** Between two reads. CloudWatch Logs allows 5 calls of FilterLogEvents a second, or more, by region. */
const INTERVAL_MS = 2000;

/** The log of a role in CloudWatch Logs. All its tasks write to the log group of its task definition, each to a stream of its own. */
export async function awsLog(stack: OperatedStack, role: string): Promise<LogSource> {
  requireRole(
    role,
    ROLES.map(({ name }) => name),
  );
  const { taskDefinition } = await requireService(stack, role);
  const { group, streamOf } = await logOf(taskDefinition);
  const id = { cluster: stack.awsName, service: role };
  return {
    interval: INTERVAL_MS,
    tasks: async () => {
      const [running, stopped] = await Promise.all([serviceTasks(id, "RUNNING"), serviceTasks(id, "STOPPED")]);
      return [...running, ...stopped]
        .filter(({ startedAt, stoppedAt }) => startedAt ?? stoppedAt)
        .map((task) => {
          // A task that ECS stops runs until its last status is STOPPED.
          const isStopped = task.lastStatus === "STOPPED";
          return { id: taskId(task.taskArn), stopped: isStopped ? stopReason(task) : undefined };
        });
    },
    events: async (since, task) => filterEvents(group, since, task === undefined ? undefined : [streamOf(task)]),
  };
}

async function filterEvents(logGroupName: string, startTime: number, logStreamNames?: string[]): Promise<LogEvent[]> {
  const { client, paginateFilterLogEvents } = await logsClient();
  const found: LogEvent[] = [];
  try {
    const pages = paginateFilterLogEvents({ client }, { logGroupName, startTime, logStreamNames });
    for await (const { events = [] } of pages) {
      for (const { eventId = "", timestamp = 0, logStreamName = "", message = "" } of events) {
        found.push({ id: eventId, time: timestamp, task: logStreamName.split("/").at(-1) ?? "", message });
      }
    }
  } catch (error) {
    // A task that has written nothing has no log stream.
    if (logStreamNames && error instanceof ResourceNotFoundException) return [];
    throw error;
  }
  return found.sort((a, b) => a.time - b.time);
}
