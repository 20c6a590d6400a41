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

/** A deployment and its number of tasks. */
interface DeploymentTarget {
  /** ID of the deployment. Its task definition does not identify it: other changes of a service also start a deployment. */
  deployment: string;
  /** Minimum number of tasks of the service. */
  minTasks: number;
}

/**
 * Evaluates a deployment. Its counts say nothing about health: `runningCount` includes tasks that are RUNNING and not healthy yet. A deployment
 * that ECS has completed is complete if the minimum number of tasks is healthy. More tasks, which scaling can start at any time, do not count.
 *
 * @param tasks - tasks of the service whose desired status is RUNNING
 */
export function deploymentState(
  service: Service,
  tasks: readonly Task[],
  { deployment, minTasks }: DeploymentTarget,
): DeploymentState {
  const primary = primaryDeployment(service);
  if (service.status !== "ACTIVE") return { kind: "failed", reason: `the service is ${service.status}` };
  if (primary?.id !== deployment) {
    const replaced = service.deployments?.find(({ id }) => id === deployment);
    const reason = replaced?.rolloutStateReason ?? primary?.rolloutStateReason ?? "ECS rolled it back";
    return { kind: "failed", reason };
  }
  if (primary.rolloutState === "FAILED") {
    return { kind: "failed", reason: primary.rolloutStateReason ?? "the deployment failed" };
  }
  const { desiredCount = 0, failedTasks = 0 } = primary;
  const newTasks = tasks.filter(({ startedBy }) => startedBy === primary.id);
  const healthy = newTasks.filter(isHealthy).length;
  const isComplete = primary.rolloutState === "COMPLETED" && healthy >= Math.min(minTasks, desiredCount);
  if (isComplete) return { kind: "completed" };
  const old = tasks.length - newTasks.length;
  return {
    kind: "in-progress",
    healthy: healthy >= desiredCount,
    waitsForCapacity: newTasks.some(({ lastStatus }) => lastStatus === "PROVISIONING"),
    summary: [
      `${healthy} of ${desiredCount} new tasks are healthy`,
      ...(failedTasks ? [`${failedTasks} failed`] : []),
      ...(old ? [`${old} old ${old === 1 ? "task is" : "tasks are"} running`] : []),
      ...(isBaking(service, healthy, old) ? ["ECS watches the alarms for some minutes"] : []),
    ].join(", "),
  };
}

/** Whether ECS only waits for the bake time: it watches the alarms of the service for some more minutes. */
const isBaking = ({ deploymentConfiguration, desiredCount = 0 }: Service, healthy: number, old: number): boolean =>
  deploymentConfiguration?.alarms?.enable === true && healthy >= desiredCount && !old;

/** Whether a task runs and its health check succeeds. */
export const isHealthy = ({ lastStatus, healthStatus }: Task): boolean =>
  lastStatus === "RUNNING" && healthStatus === "HEALTHY";
