import type { Service } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";
import { userError } from "../../../pulumi/user-error";
import { capacityReasons } from "./capacity-reasons";
import { deploymentState, primaryDeployment } from "./deployment-state";
import { stoppedTaskReasons } from "./stopped-tasks";

export interface DeploymentArgs {
  cluster: string;
  service: string;
  /** ARN of the task definition that must run. */
  taskDefinition: string;
  /** Seconds within which the new tasks must be running. Old tasks have no time limit, so that they can finish their jobs. */
  timeout: number;
  /** Receives a line for each change of the state. */
  log: (line: string) => void;
  /** Ends the wait, because another service has failed. */
  signal: AbortSignal;
}

const POLL_INTERVAL_MS = 2000;

/**
 * Waits until the service runs only its new tasks.
 *
 * After a rollback by ECS, the state of Pulumi has the new task definition while ECS runs the old one, so an update with the same inputs
 * changes nothing. A first deployment that failed remains failed, because there is no earlier version to roll back to. In both cases, this
 * function starts a new deployment.
 *
 * @throws RunError with the reason for the failure, and the reasons why tasks stopped.
 */
export async function waitForDeployment(args: DeploymentArgs): Promise<void> {
  const { cluster, service: name, taskDefinition, log } = args;
  const { client, UpdateServiceCommand } = await ecsClient();
  const since = new Date();
  const failure = async (reason: string) => {
    const tasks = await stoppedTaskReasons(cluster, name, taskDefinition);
    const capacity = await capacityReasons({ cluster, since });
    return userError([`${name}: the new tasks failed to start: ${reason}`, ...capacity, ...tasks].join("\n"));
  };

  let service = await describeService(cluster, name);
  const redeployReason = reasonToRedeploy(service, taskDefinition);
  if (redeployReason) {
    log(`${redeployReason}: starting a new deployment`);
    await client.send(new UpdateServiceCommand({ cluster, service: name, taskDefinition, forceNewDeployment: true }));
    service = await describeService(cluster, name);
  }
  let deadline = Date.now() + args.timeout * 1000;
  let lastSummary = "";
  for (;;) {
    const state = deploymentState(service, taskDefinition);
    if (state.kind === "completed") return;
    if (state.kind === "failed") throw await failure(state.reason);
    if (args.signal.aborted) return;
    if (state.summary !== lastSummary) log((lastSummary = state.summary));
    if (state.draining) deadline = Date.now() + args.timeout * 1000;
    if (Date.now() > deadline) {
      const event = service.events?.[0]?.message;
      throw await failure(
        `the timeout of ${args.timeout} s expired: ${state.summary}${event ? `; last service event: ${event}` : ""}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    service = await describeService(cluster, name);
  }
}

async function describeService(cluster: string, name: string): Promise<Service> {
  const { client, DescribeServicesCommand } = await ecsClient();
  const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [name] }));
  if (!services[0]) throw userError(`${name}: the cluster ${cluster} has no such service: run \`pulumi refresh\``);
  return services[0];
}

/** Why a new deployment must be started. Returns undefined if ECS deploys the task definition by itself. */
function reasonToRedeploy(service: Service, taskDefinition: string): string | undefined {
  if (service.taskDefinition !== taskDefinition) return "ECS rolled back to an earlier task definition";
  return primaryDeployment(service)?.rolloutState === "FAILED" ? "the last deployment failed" : undefined;
}
