import type { Service, ServiceDeploymentBrief } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";
import { primaryDeployment } from "./deployment-state";
import { describeService, latestServiceDeployment, sleep, updateService, type ServiceId } from "./service-client";

export interface RollBackArgs extends ServiceId {
  /** Seconds in which the tasks of the previous version become healthy, if they do not run any more. */
  timeout: number;
  /** Seconds between SIGTERM and SIGKILL of a task. A rollback is complete when the tasks of the failed version have stopped. */
  stopTimeout: number;
}

const POLL_INTERVAL_MS = 3000;

/**
 * Ends a deployment, so that it does not continue unwatched: ECS rolls back to the previous version, or the service is stopped if there is
 * none. A deployment that is complete stays. Does not throw.
 *
 * @param deployment - ID of the deployment
 * @returns what the service runs afterward, in a sentence
 */
export async function rollBack(args: RollBackArgs, deployment: string): Promise<string> {
  try {
    const service = await describeService(args);
    const primary = primaryDeployment(service);
    if (primary?.id === deployment) {
      if (primary.rolloutState === "COMPLETED") return `${args.service}: the deployment was complete, and stays`;
      if (!(await startRollback(args, service))) {
        await updateService(args, { desiredCount: 0 });
        return `${args.service}: there is no previous version, so the service is stopped (desired count 0)`;
      }
    }
    return `${args.service}: ${await waitForRollback(args, deployment)}`;
  } catch (error) {
    return `${args.service}: the rollback failed: ${(error as Error).message}`;
  }
}

/** Starts a rollback of the primary deployment. Returns whether there is a previous version. */
async function startRollback(id: ServiceId, service: Service): Promise<boolean> {
  const running = await latestServiceDeployment(id, ["PENDING", "IN_PROGRESS"]);
  const isListed = service.deployments?.some(
    ({ status, rolloutState }) => status !== "PRIMARY" && rolloutState === "COMPLETED",
  );
  if (running && (isListed || running.sourceServiceRevisions?.length)) {
    const { client, StopServiceDeploymentCommand } = await ecsClient();
    const { serviceDeploymentArn } = running;
    await client.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: "ROLLBACK" }));
    return true;
  }
  const previous = await previousTaskDefinition(id, service);
  if (previous) await updateService(id, { taskDefinition: previous, forceNewDeployment: true });
  return previous !== undefined;
}

/** Seconds to wait for a rollback. */
export const rollbackTimeout = ({ timeout, stopTimeout }: Pick<RollBackArgs, "timeout" | "stopTimeout">): number =>
  timeout + stopTimeout;

async function waitForRollback(args: RollBackArgs, deployment: string): Promise<string> {
  const seconds = rollbackTimeout(args);
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const primary = primaryDeployment(await describeService(args));
    if (primary && primary.id !== deployment && primary.rolloutState !== "IN_PROGRESS") {
      return primary.rolloutState === "COMPLETED"
        ? "the previous version is running"
        : `the rollback failed: ${primary.rolloutStateReason ?? primary.rolloutState}`;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  return `the rollback is not complete after ${seconds} s; ECS continues it`;
}

/** Task definition of the last successful deployment that had another one. ECS keeps service deployments for 90 days. */
async function previousTaskDefinition(
  { cluster, service: name }: ServiceId,
  { taskDefinition }: Service,
): Promise<string | undefined> {
  const { client, ListServiceDeploymentsCommand, DescribeServiceRevisionsCommand } = await ecsClient();
  const deployments: ServiceDeploymentBrief[] = [];
  let nextToken: string | undefined;
  do {
    const request = { cluster, service: name, status: ["SUCCESSFUL" as const], nextToken };
    const page = await client.send(new ListServiceDeploymentsCommand(request));
    deployments.push(...(page.serviceDeployments ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  deployments.sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
  for (const { targetServiceRevisionArn = "" } of deployments) {
    const command = new DescribeServiceRevisionsCommand({ serviceRevisionArns: [targetServiceRevisionArn] });
    const [revision] = (await client.send(command)).serviceRevisions ?? [];
    if (revision?.taskDefinition && revision.taskDefinition !== taskDefinition) return revision.taskDefinition;
  }
}
