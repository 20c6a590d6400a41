import type { Task } from "@aws-sdk/client-ecs";
import { logsClient } from "../../../clients/aws";
import { lastHealthCheck } from "../../../images/health-check";
import { logStreamOf, taskId } from "../task-log";
import { isHealthy } from "./deployment-state";
import { serviceTasks, type ServiceId } from "./service-client";

/** Number of log lines of a task in the error message. */
const LOG_LINES = 15;

/** Number of log lines in which the last report of the health check is searched. It is logged only when it changes. */
const SEARCHED_LOG_LINES = 1000;

/** Why tasks failed. */
export interface TaskReasons {
  /** The last result of the health check of the latest task, unless it is healthy. */
  healthCheck?: string;
  /** A line for each task that stopped, starting with the latest, and the last log lines of the latest task. */
  lines: string[];
}

/** Why the tasks of a deployment stopped or are not healthy. @param isNew - whether a task belongs to the deployment */
export async function taskReasons(id: ServiceId, isNew: (task: Task) => boolean): Promise<TaskReasons> {
  const stopped = (await serviceTasks(id, "STOPPED"))
    .filter(isNew)
    .sort((a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0));
  const unhealthy = (await serviceTasks(id, "RUNNING")).filter((task) => isNew(task) && !isHealthy(task));
  const latest = stopped[0] ?? unhealthy[0];
  const log = latest ? await logLines(latest) : [];
  const lines = [...new Set(stopped.map(formatTask)), ...lastLines(log)];
  const healthCheck = lastHealthCheck(log);
  return { healthCheck: healthCheck?.startsWith("unhealthy") ? healthCheck : undefined, lines };
}

/** Why a task stopped: its reason and exit code, and the last lines of its log. */
export const stoppedTaskReason = async (task: Task): Promise<string[]> => [
  formatTask(task),
  ...lastLines(await logLines(task)),
];

/** The last lines of a log, without those that contain metrics. */
function lastLines(log: readonly string[]): string[] {
  const lines = log.filter((line) => !line.includes('"CloudWatchMetrics"'));
  return lines.length ? ["The last lines of the log:", ...lines.slice(-LOG_LINES).map((line) => `  ${line}`)] : [];
}

const formatTask = (task: Task): string => `task ${taskId(task.taskArn)}: ${stopReason(task)}`;

/** Why a task stopped: the reason of ECS, and the exit codes and reasons of its containers. */
export function stopReason({ stoppedReason = "stopped", containers = [] }: Task): string {
  const exits = containers
    .filter(({ exitCode, reason }) => exitCode !== undefined || reason)
    .map(({ name, exitCode, reason }) =>
      [name, ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]), ...(reason ? [reason] : [])].join(": "),
    );
  return [stoppedReason, ...exits].join("; ");
}

/** The last lines of the log of a task, the oldest first. Empty if the task has not started. */
async function logLines(task: Task): Promise<string[]> {
  try {
    const { client, GetLogEventsCommand } = await logsClient();
    const request = { ...(await logStreamOf(task)), limit: SEARCHED_LOG_LINES };
    const { events = [] } = await client.send(new GetLogEventsCommand(request));
    return events.map(({ message = "" }) => message);
  } catch {
    return []; // a task that never started has no log, and the reason is more important
  }
}
