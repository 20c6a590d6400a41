import type { Service } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";
import { primaryDeployment } from "./deployment-state";
import { describeService, sleep, updateService, type ServiceId } from "./service-client";

/** Seconds within which a rollback should be complete. The old tasks are still running, or start on instances that exist. */
const TIMEOUT_S = 600;

const POLL_INTERVAL_MS = 3000;

/**
 * Ends the deployment of a task definition, so that it does not continue unwatched: ECS rolls back to the previous version, or the service is
 * stopped if there is none. Does not throw.
 *
 * @returns what the service runs afterward, in a sentence
 */
export async function rollBack(id: ServiceId, taskDefinition: string): Promise<string> {
  try {
    const service = await describeService(id);
    const isRolledBackByEcs = primaryDeployment(service)?.taskDefinition !== taskDefinition;
    const previous = isRolledBackByEcs || (await startRollback(id, service, taskDefinition));
    if (!previous) {
      await updateService(id, { desiredCount: 0 });
      return `${id.service}: there is no previous version, so the service is stopped (desired count 0)`;
    }
    return `${id.service}: ${await waitForRollback(id, taskDefinition)}`;
  } catch (error) {
    return `${id.service}: the rollback failed: ${(error as Error).message}`;
  }
}

/** Starts a rollback. Returns whether there is a previous version. */
async function startRollback(id: ServiceId, service: Service, taskDefinition: string): Promise<boolean> {
  const previous = await previousTaskDefinition(id, service, taskDefinition);
  if (!previous) return false;
  const running = await runningServiceDeployment(id);
  if (running) {
    const { client, StopServiceDeploymentCommand } = await ecsClient();
    await client.send(new StopServiceDeploymentCommand({ serviceDeploymentArn: running, stopType: "ROLLBACK" }));
  } else {
    await updateService(id, { taskDefinition: previous, forceNewDeployment: true });
  }
  return true;
}

async function waitForRollback(id: ServiceId, taskDefinition: string): Promise<string> {
  const deadline = Date.now() + TIMEOUT_S * 1000;
  while (Date.now() < deadline) {
    const primary = primaryDeployment(await describeService(id));
    if (primary && primary.taskDefinition !== taskDefinition && primary.rolloutState !== "IN_PROGRESS") {
      return primary.rolloutState === "COMPLETED"
        ? "the previous version is running"
        : `the rollback failed: ${primary.rolloutStateReason ?? primary.rolloutState}`;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  return `the rollback is not complete after ${TIMEOUT_S} s; ECS continues it`;
}

/** The service deployment that is in progress. */
async function runningServiceDeployment({ cluster, service }: ServiceId): Promise<string | undefined> {
  const { client, ListServiceDeploymentsCommand } = await ecsClient();
  const status = ["PENDING" as const, "IN_PROGRESS" as const];
  const { serviceDeployments = [] } = await client.send(
    new ListServiceDeploymentsCommand({ cluster, service, status }),
  );
  return serviceDeployments[0]?.serviceDeploymentArn;
}

/** Task definition that the service ran before: that of an old deployment, or of the last successful one. */
async function previousTaskDefinition(
  { cluster, service: name }: ServiceId,
  service: Service,
  taskDefinition: string,
): Promise<string | undefined> {
  const isOther = (other?: string) => other !== undefined && other !== taskDefinition;
  const old = service.deployments?.find((one) => isOther(one.taskDefinition) && one.rolloutState === "COMPLETED");
  if (old) return old.taskDefinition;
  const { client, ListServiceDeploymentsCommand, DescribeServiceRevisionsCommand } = await ecsClient();
  const { serviceDeployments = [] } = await client.send(
    new ListServiceDeploymentsCommand({ cluster, service: name, status: ["SUCCESSFUL"] }),
  );
  const newestFirst = [...serviceDeployments].sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
  for (const { targetServiceRevisionArn = "" } of newestFirst) {
    const command = new DescribeServiceRevisionsCommand({ serviceRevisionArns: [targetServiceRevisionArn] });
    const [revision] = (await client.send(command)).serviceRevisions ?? [];
    if (isOther(revision?.taskDefinition)) return revision.taskDefinition;
  }
}
