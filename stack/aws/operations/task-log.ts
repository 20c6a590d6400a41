import type { Task } from "@aws-sdk/client-ecs";
import { ecsClient, logsClient } from "../../clients/aws";

/** A log stream in CloudWatch Logs. */
export interface LogStream {
  logGroupName: string;
  logStreamName: string;
}

export const taskId = (arn = ""): string => arn.split("/").at(-1) ?? arn;

/** The log group of a task definition, and the log stream of a task by its ID: `PREFIX/CONTAINER/TASK`. */
export async function logOf(taskDefinition?: string): Promise<{ group: string; streamOf: (task: string) => string }> {
  const { client, DescribeTaskDefinitionCommand } = await ecsClient();
  const { taskDefinition: found } = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
  const { name, logConfiguration } = found?.containerDefinitions?.[0] ?? {};
  const { "awslogs-group": group = "", "awslogs-stream-prefix": prefix } = logConfiguration?.options ?? {};
  return { group, streamOf: (task) => `${prefix}/${name}/${task}` };
}

/** The log stream of a task. */
export async function logStreamOf({ taskArn, taskDefinitionArn }: Task): Promise<LogStream> {
  const { group, streamOf } = await logOf(taskDefinitionArn);
  return { logGroupName: group, logStreamName: streamOf(taskId(taskArn)) };
}

/** Reads the log of a task while it runs. */
export class TaskLog {
  private stream?: LogStream;
  private nextToken?: string;

  /** The lines since the last call, the oldest first. Empty if the log does not exist yet. */
  async read(task: Task): Promise<string[]> {
    this.stream ??= await logStreamOf(task);
    const { client, GetLogEventsCommand } = await logsClient();
    const lines: string[] = [];
    for (;;) {
      const request = { ...this.stream, nextToken: this.nextToken, startFromHead: true };
      const page = await client.send(new GetLogEventsCommand(request)).catch((error: Error) => {
        if (error.name === "ResourceNotFoundException") return undefined; // the container has not started
        throw error;
      });
      lines.push(...(page?.events ?? []).map(({ message = "" }) => message));
      // At the end of the log, the token does not change: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
      if (!page?.nextForwardToken || page.nextForwardToken === this.nextToken) return lines;
      this.nextToken = page.nextForwardToken;
    }
  }
}
