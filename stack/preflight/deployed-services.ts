import type { AwsSettings } from "../config/aws-schema";
import type { Problem } from "../config/problem";
import { serviceSpecs } from "../config/services";
import type { DeployedCapacity } from "./deployed";

/**
 * Problems of settings that would move a deployed service between Fargate and GPU instances. ECS supports such a move since 2025, but
 * not together with what this program relies on: the move changes the capacity provider strategy, and a rollback of the task definition
 * alone, which the rollout check starts, would leave a strategy that the previous task definition does not support.
 */
export function deployedServiceProblems(aws: AwsSettings, { onGpu }: Pick<DeployedCapacity, "onGpu">): Problem[] {
  return serviceSpecs(aws).flatMap(({ name, role, gpu }) => {
    const deployed = onGpu.get(name);
    if (role.gpu !== "optional" || deployed === undefined || deployed === gpu) return [];
    const [from, to] = gpu ? ["Fargate", "GPU instances"] : ["GPU instances", "Fargate"];
    const remedy = `the service ${name} cannot move from ${from} to ${to} while it exists: set it back to ${deployed}, or delete the service first (docs/aws.md, "Move the API between Fargate and GPU instances")`;
    return [{ key: `aws.${name}.gpu`, value: String(gpu), remedy }];
  });
}
