import type { Service } from "@aws-sdk/client-ecs";
import { userError } from "../../user-error";
import { ecs } from "../clients";
import { reasons } from "./reasons";
import { primaryOf, verdict } from "./verdict";

export interface FollowArgs {
  cluster: string;
  service: string;
  /** ARN of the task definition that must run. */
  taskDefinition: string;
  /** Seconds within which the new tasks must run; the end of old ones, which finish their jobs, is waited for without a limit. */
  timeout: number;
  /** Takes a line whenever something has changed. */
  say: (line: string) => void;
  /** Ends it after one more look: another service has failed. */
  signal: AbortSignal;
}

/** Milliseconds between two looks. */
const LOOK_MS = 2000;

/**
 * Follows a service's deployment until its new tasks alone run.
 *
 * After ECS rolled back, Pulumi's state names the new task definition while ECS runs the old one, so that an update with the same inputs
 * changes nothing; a service's first deployment, which has nothing to go back to, has failed and stays so. Then the deployment is started here.
 *
 * @throws RunError that says why the deployment failed, with the reasons of the tasks that stopped.
 */
export async function follow(args: FollowArgs): Promise<void> {
  const { cluster, service: name, taskDefinition, say } = args;
  const { client, DescribeServicesCommand, UpdateServiceCommand } = await ecs();
  const look = async (): Promise<Service> => {
    const { services = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [name] }));
    if (!services[0]) throw userError(`${name}: the cluster ${cluster} has no such service: run \`pulumi refresh\``);
    return services[0];
  };
  const fail = async (reason: string) => {
    const why = await reasons(cluster, name, taskDefinition);
    return userError([`${name}: the new tasks did not come to run: ${reason}`, ...why].join("\n"));
  };

  let service = await look();
  const stuck = stuckBecause(service, taskDefinition);
  if (stuck) {
    say(`${stuck}: deploying again`);
    await client.send(new UpdateServiceCommand({ cluster, service: name, taskDefinition, forceNewDeployment: true }));
    service = await look();
  }
  let deadline = Date.now() + args.timeout * 1000;
  for (let said = ""; ; service = await look()) {
    const state = verdict(service, taskDefinition);
    if (state.kind === "done") return;
    if (state.kind === "failed") throw await fail(state.reason);
    if (args.signal.aborted) return;
    if (state.line !== said) say((said = state.line));
    if (state.draining) deadline = Date.now() + args.timeout * 1000;
    if (Date.now() > deadline) {
      const event = service.events?.[0]?.message;
      throw await fail(`not within ${args.timeout} s: ${state.line}${event ? `; ECS says: ${event}` : ""}`);
    }
    await new Promise((next) => setTimeout(next, LOOK_MS));
  }
}

/** Why ECS itself will not come to run a task definition any more. */
function stuckBecause(service: Service, desired: string): string | undefined {
  if (service.taskDefinition !== desired) return "ECS went back to an earlier task definition";
  return primaryOf(service)?.rolloutState === "FAILED" ? "its last deployment failed" : undefined;
}
