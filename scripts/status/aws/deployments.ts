import type { ServiceDeploymentBrief, Task } from "@aws-sdk/client-ecs";
import { deploymentState, primaryDeployment } from "../../../stack/aws/operations/rollout/deployment-state";
import { taskReasons, type TaskReasons } from "../../../stack/aws/operations/rollout/task-reasons";
import { ecsClient } from "../../../stack/clients/aws";
import type { DeploymentStatus } from "../model";
import type { RoleService } from "./services";

/** Statuses of a service deployment that has not succeeded: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html */
const FAILED: readonly string[] = [
  "STOPPED",
  "ROLLBACK_REQUESTED",
  "ROLLBACK_IN_PROGRESS",
  "ROLLBACK_SUCCESSFUL",
  "ROLLBACK_FAILED",
];

/** What ECS runs after a deployment that failed. */
const OUTCOMES: Readonly<Record<string, string>> = {
  ROLLBACK_REQUESTED: "ECS rolls back",
  ROLLBACK_IN_PROGRESS: "ECS rolls back",
  ROLLBACK_SUCCESSFUL: "the previous version is running",
  ROLLBACK_FAILED: "the rollback failed too",
};

/** For each role, the deployment in progress, and the last deployment that failed. */
export async function deploymentStatus(cluster: string, services: readonly RoleService[]): Promise<DeploymentStatus[]> {
  const found = services.map(async (one) => [...inProgress(one), ...(await lastFailed(cluster, one))]);
  return (await Promise.all(found)).flat();
}

function inProgress({ spec, service, tasks }: RoleService): DeploymentStatus[] {
  const primary = service && primaryDeployment(service);
  if (primary?.rolloutState !== "IN_PROGRESS") return [];
  const state = deploymentState(service!, tasks, { deployment: primary.id ?? "", minTasks: spec.minTasks });
  return [
    {
      role: spec.name,
      state: "in progress",
      startedAt: primary.createdAt?.toISOString(),
      isLatest: true,
      failedTasks: primary.failedTasks ?? 0,
      reason: state.kind === "in-progress" ? state.summary : (primary.rolloutStateReason ?? ""),
      details: [],
    },
  ];
}

async function lastFailed(cluster: string, { spec, service }: RoleService): Promise<DeploymentStatus[]> {
  if (!service) return [];
  const id = { cluster, service: spec.name };
  const deployments = await serviceDeployments(id);
  const index = deployments.findIndex(({ status = "" }) => FAILED.includes(status));
  if (index < 0) return [];
  const failed = deployments[index];
  const isLatest = !deployments.slice(0, index).some(({ status }) => status === "SUCCESSFUL");
  const { healthCheck, lines } = isLatest ? await reasonsOf(id, failed) : { healthCheck: undefined, lines: [] };
  const { status = "", statusReason } = failed;
  const cause = healthCheck ?? lines[0]?.replace(/^task \w+: /, "");
  const reason = [cause, statusReason?.replace(/\.$/, ""), OUTCOMES[status]].filter(Boolean).join("; ");
  const { startedAt, finishedAt = failed.startedAt } = failed;
  return [
    {
      role: spec.name,
      state: "failed",
      startedAt: startedAt?.toISOString(),
      finishedAt: finishedAt?.toISOString(),
      isLatest,
      reason: reason || "ECS gives no reason",
      details: lines,
    },
  ];
}

/** The deployments of a service of the last 90 days, the newest first. */
async function serviceDeployments(id: { cluster: string; service: string }): Promise<ServiceDeploymentBrief[]> {
  const { client, ListServiceDeploymentsCommand } = await ecsClient();
  const { serviceDeployments = [] } = await client.send(new ListServiceDeploymentsCommand(id));
  return serviceDeployments.sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
}

/** Why the tasks of a deployment failed. ECS lists stopped tasks for about an hour. */
async function reasonsOf(
  id: { cluster: string; service: string },
  { targetServiceRevisionArn = "", createdAt, finishedAt }: ServiceDeploymentBrief,
): Promise<TaskReasons> {
  const { client, DescribeServiceRevisionsCommand } = await ecsClient();
  const command = new DescribeServiceRevisionsCommand({ serviceRevisionArns: [targetServiceRevisionArn] });
  const { serviceRevisions: [revision] = [] } = await client.send(command);
  // A task has the ID of a deployment, and a service deployment does not have this ID.
  const isOfDeployment = (task: Task) =>
    task.taskDefinitionArn === revision?.taskDefinition &&
    Number(task.createdAt) >= Number(createdAt) &&
    !(finishedAt && Number(task.createdAt) > Number(finishedAt));
  return taskReasons(id, isOfDeployment);
}
