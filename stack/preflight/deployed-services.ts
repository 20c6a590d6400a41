import type { AwsSettings } from "../config/aws-schema";
import type { Problem } from "../config/problem";
import { serviceSpecs } from "../config/services";
import { deployedResources, type DeployedResource } from "../pulumi/internals";

const SERVICE_TYPE = "aws:ecs/service:Service";

/**
 * Problems of settings that would move a deployed service between Fargate and GPU instances. ECS supports such a move since 2025, but
 * not together with what this program relies on: the move changes the capacity provider strategy, and a rollback of the task definition
 * alone, which the rollout check starts, would leave a strategy that the previous task definition does not support.
 *
 * Reads the state of the stack, without a call to AWS. So a preview shows it too.
 */
export async function deployedServiceProblems(aws: AwsSettings): Promise<Problem[]> {
  const onGpu = new Map((await deployedResources()).filter(({ type }) => type === SERVICE_TYPE).map(usesGpu));
  return serviceSpecs(aws).flatMap(({ name, role, gpu }) => {
    const deployed = onGpu.get(name);
    if (role.gpu !== "optional" || deployed === undefined || deployed === gpu) return [];
    const [from, to] = gpu ? ["Fargate", "GPU instances"] : ["GPU instances", "Fargate"];
    const remedy = `the service ${name} cannot move from ${from} to ${to} while it exists: set it back to ${deployed}, or delete the service first (docs/aws.md, "Move the API between Fargate and GPU instances")`;
    return [{ key: `aws.${name}.gpu`, value: String(gpu), remedy }];
  });
}

/** The name of a deployed service, and whether its tasks run on GPU instances. */
function usesGpu({ outputs }: DeployedResource): [string, boolean] {
  const { name, capacityProviderStrategies = [] } = outputs as {
    name: string;
    capacityProviderStrategies?: { capacityProvider: string }[];
  };
  return [name, capacityProviderStrategies.some(({ capacityProvider }) => !capacityProvider.startsWith("FARGATE"))];
}
