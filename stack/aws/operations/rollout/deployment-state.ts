import type { Service, Task } from "@aws-sdk/client-ecs";

/** State of the deployment of a task definition. */
export type DeploymentState =
  | { kind: "completed" }
  | { kind: "failed"; reason: string }
  | {
      kind: "in-progress";
      summary: string;
      /** Whether all new tasks are healthy. ECS then only waits for old tasks to stop. */
      healthy: boolean;
      /** Whether new tasks wait for an instance. */
      waitsForCapacity: boolean;
    };

/** The deployment of a service that ECS is working toward. */
export const primaryDeployment = ({ deployments = [] }: Service) =>
  deployments.find(({ status }) => status === "PRIMARY");

/**
 * Evaluates the deployment of a task definition. The counts of a deployment say nothing about health: `runningCount` includes tasks that are
 * RUNNING and not healthy yet.
 *
 * @param taskDefinition - ARN of the task definition that must run
 * @param tasks - tasks of the service whose desired status is RUNNING
 */
export function deploymentState(service: Service, tasks: readonly Task[], taskDefinition: string): DeploymentState {
  const primary = primaryDeployment(service);
  if (service.status !== "ACTIVE") return { kind: "failed", reason: `the service is ${service.status}` };
  if (primary?.taskDefinition !== taskDefinition) {
    const replaced = service.deployments?.find((one) => one.taskDefinition === taskDefinition);
    const reason = replaced?.rolloutStateReason ?? primary?.rolloutStateReason ?? "ECS rolled it back";
    return { kind: "failed", reason };
  }
  if (primary.rolloutState === "FAILED") {
    return { kind: "failed", reason: primary.rolloutStateReason ?? "the deployment failed" };
  }
  if (primary.rolloutState === "COMPLETED") return { kind: "completed" };
  const { desiredCount = 0, failedTasks = 0 } = primary;
  const newTasks = tasks.filter(({ startedBy }) => startedBy === primary.id);
  const healthy = newTasks.filter(isHealthy).length;
  const old = tasks.length - newTasks.length;
  return {
    kind: "in-progress",
    healthy: healthy >= desiredCount,
    waitsForCapacity: newTasks.some(({ lastStatus }) => lastStatus === "PROVISIONING"),
    summary: [
      `${healthy} of ${desiredCount} new tasks are healthy`,
      ...(failedTasks ? [`${failedTasks} failed`] : []),
      ...(old ? [`${old} old ${old === 1 ? "task is" : "tasks are"} running`] : []),
    ].join(", "),
  };
}

/** Whether a task runs and its health check succeeds. */
export const isHealthy = ({ lastStatus, healthStatus }: Task): boolean =>
  lastStatus === "RUNNING" && healthStatus === "HEALTHY";
