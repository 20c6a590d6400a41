import type { Deployment, Service, Task } from "@aws-sdk/client-ecs";
import * as pulumi from "@pulumi/pulumi";
import { userError } from "../../../pulumi/user-error";
import { CapacityLog } from "./capacity-log";
import { deploymentState, primaryDeployment } from "./deployment-state";
import { rollBack } from "./roll-back";
import { describeService, serviceTasks, sleep, updateService, type ServiceId } from "./service-client";
import { taskReasons, type TaskReasons } from "./task-reasons";
import { triggeredAlarms } from "./triggered-alarms";

export interface DeploymentArgs extends ServiceId {
  /** ARN of the task definition that must run. */
  taskDefinition: string;
  /** Minimum number of tasks of the service. */
  minTasks: number;
  /** Seconds between SIGTERM and SIGKILL of a task. */
  stopTimeout: number;
  /** Seconds within which all new tasks must be healthy. Old tasks have no time limit, so that they can finish their jobs. */
  timeout: number;
  /** Receives a line for each change of the state. */
  log: (line: string) => void;
  /** Ends the wait, because another service has failed. The deployment is then rolled back if it is not complete. */
  signal: AbortSignal;
}

const POLL_INTERVAL_MS = 3000;

/**
 * Waits until the service runs only its new tasks and they are healthy. Otherwise, it ends the deployment and rolls it back: no deployment
 * continues unwatched.
 *
 * After a rollback, the state of Pulumi has the new task definition while ECS runs the old one, so an update with the same inputs changes
 * nothing. A first deployment that failed has no previous version, and its service is stopped. In both cases, this function starts a new
 * deployment.
 *
 * @throws RunError with the reason for the failure, the reasons why tasks stopped, the last lines of the log, and what the service runs.
 */
export async function waitForDeployment(args: DeploymentArgs): Promise<void> {
  const { id = "", createdAt } = await currentDeployment(args);
  try {
    await watch(args, id, createdAt);
  } catch (error) {
    // For example, ECS or the network did not respond.
    throw pulumi.RunError.isInstance(error) ? error : await failure(args, id, (error as Error).message);
  }
}

async function watch(args: DeploymentArgs, id: string, createdAt?: Date): Promise<void> {
  const { timeout, minTasks, log, signal } = args;
  const capacity = new CapacityLog(args.cluster, log, createdAt);
  let deadline = Date.now() + timeout * 1000;
  let lastSummary = "";
  for (;;) {
    const service = await describeService(args);
    const tasks = await serviceTasks(args, "RUNNING");
    const state = deploymentState(service, tasks, { deployment: id, minTasks });
    if (state.kind === "completed") return;
    if (state.kind === "failed") throw await failure(args, id, state.reason);
    if (state.healthy) deadline = Date.now() + timeout * 1000;
    if (state.summary !== lastSummary) log((lastSummary = state.summary));
    await capacity.update(state.waitsForCapacity);
    if (signal.aborted) throw userError(await rollBack(args, id));
    if (Date.now() > deadline) {
      throw await failure(args, id, timeoutReason(timeout, state.summary, service), capacity.current);
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** The deployment of the task definition. Starts it if ECS does not deploy the task definition by itself. */
async function currentDeployment(args: DeploymentArgs): Promise<Deployment> {
  const { taskDefinition, minTasks } = args;
  const service = await describeService(args);
  const isStopped = service.desiredCount === 0 && minTasks > 0;
  const reasons: [boolean, string][] = [
    [service.taskDefinition !== taskDefinition, "ECS rolled back to an earlier task definition"],
    [primaryDeployment(service)?.rolloutState === "FAILED", "the last deployment failed"],
    [isStopped, "the service runs no task"],
  ];
  const reason = reasons.find(([applies]) => applies)?.[1];
  if (!reason) return primaryDeployment(service) ?? {};
  args.log(`${reason}: starting a new deployment`);
  const updated = await updateService(args, {
    taskDefinition,
    forceNewDeployment: true,
    ...(isStopped && { desiredCount: minTasks }),
  });
  return primaryDeployment(updated) ?? {};
}

function timeoutReason(timeout: number, summary: string, { events = [] }: Service): string {
  const event = events[0]?.message;
  const reason = `the timeout expired (spatialforge:healthTimeout, ${timeout} s): ${summary}`;
  return event ? `${reason}; last service event: ${event}` : reason;
}

/** Collects the reasons, which a rollback would hide, and then rolls back. */
async function failure(
  args: DeploymentArgs,
  id: string,
  reason: string,
  capacity: readonly string[] = [],
): Promise<Error> {
  const alarms = reason.includes("alarm") ? await triggeredAlarms(args).catch(() => []) : [];
  const isNew = ({ startedBy }: Task) => startedBy === id;
  const { healthCheck, lines } = await taskReasons(args, isNew).catch((): TaskReasons => ({ lines: [] }));
  const headline = `${args.service}: the new version failed: ${[reason, ...(healthCheck ? [healthCheck] : [])].join("; ")}`;
  return userError([headline, ...alarms, ...capacity, ...lines, await rollBack(args, id)].join("\n"));
}
