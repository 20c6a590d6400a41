import { userError } from "../../../pulumi/user-error";
import { waitForDeployment, type DeploymentArgs } from "./deployment";

/** A service whose deployment is verified. */
export type Target = Pick<DeploymentArgs, "service" | "taskDefinition" | "minTasks" | "stopTimeout">;

export interface StepArgs {
  cluster: string;
  /** The services of the step. */
  targets: readonly Target[];
  /** Names of the services of earlier steps, which run the new version. */
  updated: readonly string[];
  /** Names of the services of later steps, which are not updated if this step fails. */
  waiting: readonly string[];
  /** Seconds within which the new tasks of all services of the step must be healthy. */
  timeout: number;
  /** Receives a line for each change of the state of a service. */
  log: (line: string) => void;
}

/**
 * Verifies the deployments of the services of a step, which run at the same time. If one fails, the others are rolled back unless they are
 * complete.
 * @throws RunError with the reason of each service that failed, and what all services run now
 */
export async function verifyStep({ cluster, targets, updated, waiting, timeout, log }: StepArgs): Promise<void> {
  const failures: string[] = [];
  const completed = [...updated];
  const aborter = new AbortController();
  const { signal } = aborter;
  const deployments = targets.map((target) => {
    const logService = (line: string) => log(`${target.service}: ${line}`);
    return waitForDeployment({ ...target, cluster, timeout, log: logService, signal }).then(
      () => void completed.push(target.service),
      (error: Error) => {
        failures.push(error.message);
        aborter.abort();
      },
    );
  });
  await Promise.all(deployments);
  if (!failures.length) return;
  const lines = [
    ...failures,
    ...completed.map((name) => `${name}: the new version is running`),
    ...waiting.map((name) => `${name}: it was not updated, because a service before it failed`),
    "Fix the cause and run `pulumi up` again, or roll back with spatialforge:release.",
  ];
  throw userError(lines.join("\n"));
}
