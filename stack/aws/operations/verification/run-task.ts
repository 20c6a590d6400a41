import type { Task } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";
import { userError } from "../../../pulumi/user-error";
import { CapacityLog } from "../rollout/capacity-log";
import { describeTasks, sleep } from "../rollout/service-client";

export interface RunTaskArgs {
  cluster: string;
  /** ARN of the task definition. */
  taskDefinition: string;
  containerName: string;
  /** Replaces the command of the container. */
  command: string[];
  /** Name of the capacity provider. */
  capacityProvider: string;
  subnetIds: string[];
  securityGroupId: string;
  /** Seconds within which the task must have stopped, including the start of its host and the pull of its image. */
  timeout: number;
  /** Receives a line for each change of the state. */
  log: (line: string) => void;
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
 * @throws RunError if ECS does not start the task, or if the timeout expires. ECS then stops the task.
 */
export async function runTask(args: RunTaskArgs): Promise<Task> {
  const { cluster, log } = args;
  const { client, RunTaskCommand, StopTaskCommand } = await ecsClient();
  const started = await client.send(new RunTaskCommand(request(args)));
  let task = started.tasks?.[0];
  if (!task) {
    const failures = (started.failures ?? []).map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
    throw userError(`ECS did not start the task: ${failures.join("; ") || "no reason given"}`);
  }
  const { taskArn = "" } = task;
  const deadline = Date.now() + args.timeout * 1000;
  const capacity = new CapacityLog(cluster, log);
  let lastState = "";
  while (task.lastStatus !== "STOPPED") {
    const state = STATES[task.lastStatus ?? ""] ?? "the task stops";
    if (state !== lastState) log((lastState = state));
    await capacity.update(task.lastStatus === "PROVISIONING");
    if (Date.now() > deadline) {
      await client.send(new StopTaskCommand({ cluster, task: taskArn, reason: "the timeout of the update expired" }));
      const reason = `the timeout expired (spatialforge:healthTimeout, ${args.timeout} s): ${state} (${task.lastStatus})`;
      throw userError([reason, ...capacity.current].join("\n"));
    }
    await sleep(POLL_INTERVAL_MS);
    task = (await describeTasks(cluster, [taskArn]))[0] ?? task; // ECS may not return a task that was just started
  }
  return task;
}

const request = (args: RunTaskArgs) => ({
  cluster: args.cluster,
  taskDefinition: args.taskDefinition,
  capacityProviderStrategy: [{ capacityProvider: args.capacityProvider, weight: 1 }],
  networkConfiguration: {
    awsvpcConfiguration: {
      subnets: args.subnetIds,
      securityGroups: [args.securityGroupId],
      assignPublicIp: "DISABLED" as const,
    },
  },
  overrides: { containerOverrides: [{ name: args.containerName, command: args.command }] },
  startedBy: "verification",
});
