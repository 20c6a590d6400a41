import type { Task } from "@aws-sdk/client-ecs";
import { ecs, logs } from "../clients";

/** Lines of a stopped task's log that the error shows. */
const LOG_LINES = 15;

/** Why tasks of a task definition stopped, newest first: one line for each, and the newest one's last log lines. */
export async function reasons(cluster: string, serviceName: string, definition: string): Promise<string[]> {
  const { client, ListTasksCommand, DescribeTasksCommand } = await ecs();
  const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster, serviceName, desiredStatus: "STOPPED" }));
  if (!taskArns.length) return [];
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
  const stopped = tasks
    .filter(({ taskDefinitionArn }) => taskDefinitionArn === definition)
    .sort((a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0));
  if (!stopped.length) return [];
  return [...new Set(stopped.map(line)), ...(await lastLines(stopped[0]))];
}

function line({ taskArn = "", stoppedReason = "stopped", containers = [] }: Task): string {
  const ends = containers
    .filter(({ exitCode, reason }) => exitCode !== undefined || reason)
    .map(({ name, exitCode, reason }) =>
      [name, ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]), ...(reason ? [reason] : [])].join(": "),
    );
  return `task ${id(taskArn)}: ${[stoppedReason, ...ends].join("; ")}`;
}

async function lastLines({ taskArn = "", taskDefinitionArn }: Task): Promise<string[]> {
  try {
    const { client, DescribeTaskDefinitionCommand } = await ecs();
    const command = new DescribeTaskDefinitionCommand({ taskDefinition: taskDefinitionArn });
    const [container] = (await client.send(command)).taskDefinition?.containerDefinitions ?? [];
    const { "awslogs-group": logGroupName, "awslogs-stream-prefix": prefix } =
      container.logConfiguration?.options ?? {};
    const logStreamName = `${prefix}/${container.name}/${id(taskArn)}`;
    const { client: log, GetLogEventsCommand } = await logs();
    const { events = [] } = await log.send(new GetLogEventsCommand({ logGroupName, logStreamName, limit: LOG_LINES }));
    return events.length ? ["The last lines of its log:", ...events.map(({ message }) => `  ${message}`)] : [];
  } catch {
    return []; // the reason itself counts; a task that never started has no log
  }
}

const id = (arn: string): string => arn.split("/").at(-1) ?? arn;
