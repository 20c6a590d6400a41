import type { RunTaskCommandInput, Task } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../clients/aws";
import { userError } from "../../pulumi/user-error";
import { CapacityLog } from "./rollout/capacity-log";
import { describeTasks, sleep } from "./rollout/service-client";

export interface RunTaskArgs {
  cluster: string;
  /** ARN or family of the task definition. */
  taskDefinition: string;
  containerName: string;
  /** Replaces the command of the container. */
  command: string[];
  /** Name of the capacity provider. */
  capacityProvider: string;
  subnetIds: string[];
  securityGroupIds: string[];
  /** What starts the task, as ECS shows it. */
  startedBy: string;
  /** Seconds within which the task must have stopped, including the start of its host and the pull of its image. Default: no limit. */
  timeout?: number;
  /** Stops the task. Default: nothing does. */
  signal?: AbortSignal;
  /** Receives a line for each change of the state. */
  log: (line: string) => void;
  /** Receives the task at each look, and once more after it has stopped. */
  follow?: (task: Task) => Promise<void>;
}

const POLL_INTERVAL_MS = 2000;

/** What a task does in a state. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html */
const STATES: Readonly<Record<string, string>> = {
  PROVISIONING: "the task waits for a host",
  PENDING: "the task starts, and its image is pulled",
  RUNNING: "the task is running",
};

/**
 * Runs a task once, and waits until it has stopped.
 * @throws RunError if ECS does not start the task, if the timeout expires, or if the signal is aborted. ECS then stops the task.
 */
export async function runTask(args: RunTaskArgs): Promise<Task> {
  const { cluster, log, timeout = Infinity } = args;
  const { client, StopTaskCommand } = await ecsClient();
  let task = await startTask(args);
  const { taskArn = "" } = task;
  const deadline = Date.now() + timeout * 1000;
  const capacity = new CapacityLog(cluster, log);
  const stop = (reason: string) => client.send(new StopTaskCommand({ cluster, task: taskArn, reason }));
  let lastState = "";
  while (task.lastStatus !== "STOPPED") {
    const state = STATES[task.lastStatus ?? ""] ?? "the task stops";
    if (state !== lastState) log((lastState = state));
    await capacity.update(task.lastStatus === "PROVISIONING");
    if (args.signal?.aborted) {
      await stop("interrupted by the user");
      throw userError("interrupted: the task is stopped");
    }
    if (Date.now() > deadline) {
      await stop("the timeout of the update expired");
      const reason = `the timeout expired (spatialforge:healthTimeout, ${timeout} s): ${state} (${task.lastStatus})`;
      throw userError([reason, ...capacity.current].join("\n"));
    }
    await args.follow?.(task);
    await sleep(POLL_INTERVAL_MS);
    task = (await describeTasks(cluster, [taskArn]))[0] ?? task; // ECS may not return a task that was just started
  }
  await args.follow?.(task);
  return task;
}

/** Whether a task has stopped because all its containers have ended with the exit code 0. */
export const hasSucceeded = ({ stopCode, containers = [] }: Task): boolean =>
  stopCode === "EssentialContainerExited" && containers.every(({ exitCode }) => exitCode === 0);

async function startTask(args: RunTaskArgs): Promise<Task> {
  const { client, RunTaskCommand } = await ecsClient();
  const { tasks = [], failures = [] } = await client.send(new RunTaskCommand(request(args)));
  if (tasks[0]) return tasks[0];
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
  throw userError(`ECS did not start the task: ${reasons.join("; ") || "no reason given"}`);
}

const request = (args: RunTaskArgs): RunTaskCommandInput => ({
  cluster: args.cluster,
  taskDefinition: args.taskDefinition,
  capacityProviderStrategy: [{ capacityProvider: args.capacityProvider, weight: 1 }],
  networkConfiguration: {
    awsvpcConfiguration: { subnets: args.subnetIds, securityGroups: args.securityGroupIds, assignPublicIp: "DISABLED" },
  },
  overrides: { containerOverrides: [{ name: args.containerName, command: args.command }] },
  startedBy: args.startedBy,
});
