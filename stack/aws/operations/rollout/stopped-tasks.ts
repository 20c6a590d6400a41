import type { Task } from "@aws-sdk/client-ecs";
import { ecsClient, logsClient } from "../../../clients/aws";

/** Number of log lines of a stopped task in the error message. */
const LOG_LINES = 15;

/**
 * Describes why tasks of a task definition stopped: one line for each stopped task, starting with the latest, and the last log lines of the
 * latest task. Empty if no task has stopped.
 */
export async function stoppedTaskReasons(
  cluster: string,
  serviceName: string,
  taskDefinition: string,
): Promise<string[]> {
  const { client, ListTasksCommand, DescribeTasksCommand } = await ecsClient();
  const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster, serviceName, desiredStatus: "STOPPED" }));
  if (!taskArns.length) return [];
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  const stopped = tasks
    .filter(({ taskDefinitionArn }) => taskDefinitionArn === taskDefinition)
    .sort((a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0));
  if (!stopped.length) return [];
  return [...new Set(stopped.map(formatTask)), ...(await lastLogLines(stopped[0]))];
}

/** Describes why a task stopped: its reason and exit code, and its last log lines. */
export const stoppedTaskReason = async (task: Task): Promise<string[]> => [
  formatTask(task),
  ...(await lastLogLines(task)),
];

function formatTask({ taskArn = "", stoppedReason = "stopped", containers = [] }: Task): string {
  const exits = containers
    .filter(({ exitCode, reason }) => exitCode !== undefined || reason)
    .map(({ name, exitCode, reason }) =>
      [name, ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]), ...(reason ? [reason] : [])].join(": "),
    );
  return `task ${taskId(taskArn)}: ${[stoppedReason, ...exits].join("; ")}`;
}

async function lastLogLines({ taskArn = "", taskDefinitionArn }: Task): Promise<string[]> {
  try {
    const { client, DescribeTaskDefinitionCommand } = await ecsClient();
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: taskDefinitionArn });
    const [container] = (await client.send(command)).taskDefinition?.containerDefinitions ?? [];
    const { "awslogs-group": logGroupName, "awslogs-stream-prefix": prefix } =
      container.logConfiguration?.options ?? {};
    const logStreamName = `${prefix}/${container.name}/${taskId(taskArn)}`;
    const { client: logs, GetLogEventsCommand } = await logsClient();
    const { events = [] } = await logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, limit: LOG_LINES }));
    return events.length ? ["The last lines of the log:", ...events.map(({ message }) => `  ${message}`)] : [];
  } catch {
    return []; // a task that never started has no log, and the reason is more important
  }
}

const taskId = (arn: string): string => arn.split("/").at(-1) ?? arn;
