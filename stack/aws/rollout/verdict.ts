import type { Service } from "@aws-sdk/client-ecs";

/** What a service's deployments say of the one that was asked for. */
export type Verdict =
  | { kind: "done" }
  | { kind: "progress"; line: string; /** Whether only old tasks are waited for. */ draining: boolean }
  | { kind: "failed"; reason: string };

/** The deployment that ECS works on, or has worked on last. */
export const primaryOf = ({ deployments = [] }: Service) => deployments.find(({ status }) => status === "PRIMARY");

/**
 * Reads a service's state.
 * @param desired - ARN of the task definition that must run
 */
export function verdict(service: Service, desired: string): Verdict {
  const deployments = service.deployments ?? [];
  const primary = primaryOf(service);
  const ours = deployments.find(({ taskDefinition }) => taskDefinition === desired);
  if (service.status !== "ACTIVE") return { kind: "failed", reason: `the service is ${service.status}` };
  if (!primary || !ours || primary !== ours) {
    return { kind: "failed", reason: ours?.rolloutStateReason ?? primary?.rolloutStateReason ?? "ECS rolled it back" };
  }
  if (ours.rolloutState === "FAILED")
    return { kind: "failed", reason: ours.rolloutStateReason ?? "the deployment failed" };
  if (ours.rolloutState === "COMPLETED") return { kind: "done" };
  const old = deployments.filter((one) => one !== ours).reduce((sum, { runningCount = 0 }) => sum + runningCount, 0);
  const { runningCount = 0, desiredCount = 0, failedTasks = 0 } = ours;
  return {
    kind: "progress",
    draining: runningCount >= desiredCount && old > 0,
    line: [
      `${runningCount} of ${desiredCount} new tasks run`,
      ...(failedTasks ? [`${failedTasks} failed`] : []),
      ...(old ? [`${old} old ${old === 1 ? "one runs" : "ones run"}`] : []),
    ].join(", "),
  };
}
