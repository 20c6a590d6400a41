import type { Service } from "@aws-sdk/client-ecs";

/** State of the deployment of a task definition. */
export type DeploymentState =
  | { kind: "completed" }
  | {
      kind: "in-progress";
      summary: string;
      /** Whether all new tasks are running and old tasks have not stopped yet. */
      draining: boolean;
    }
  | { kind: "failed"; reason: string };

/** The deployment of a service that ECS is working toward. */
export const primaryDeployment = ({ deployments = [] }: Service) =>
  deployments.find(({ status }) => status === "PRIMARY");

/** Evaluates the deployments of a service. @param taskDefinition - ARN of the task definition that must run */
export function deploymentState(service: Service, taskDefinition: string): DeploymentState {
  const deployments = service.deployments ?? [];
  const primary = primaryDeployment(service);
  const deployment = deployments.find((one) => one.taskDefinition === taskDefinition);
  if (service.status !== "ACTIVE") return { kind: "failed", reason: `the service is ${service.status}` };
  if (!primary || primary !== deployment) {
    const reason = deployment?.rolloutStateReason ?? primary?.rolloutStateReason ?? "ECS rolled it back";
    return { kind: "failed", reason };
  }
  if (deployment.rolloutState === "FAILED") {
    return { kind: "failed", reason: deployment.rolloutStateReason ?? "the deployment failed" };
  }
  if (deployment.rolloutState === "COMPLETED") return { kind: "completed" };
  const oldTasks = deployments
    .filter((one) => one !== deployment)
    .reduce((sum, { runningCount = 0 }) => sum + runningCount, 0);
  const { runningCount = 0, desiredCount = 0, failedTasks = 0 } = deployment;
  return {
    kind: "in-progress",
    draining: runningCount >= desiredCount && oldTasks > 0,
    summary: [
      `${runningCount} of ${desiredCount} new tasks are running`,
      ...(failedTasks ? [`${failedTasks} failed`] : []),
      ...(oldTasks ? [`${oldTasks} old ${oldTasks === 1 ? "task is" : "tasks are"} running`] : []),
    ].join(", "),
  };
}
