import type { Task } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../clients/aws";

/**
 * Attribute of a container instance, which the ECS agent sets.
 * https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecs.BuiltInAttributes.html
 */
const AMI_ATTRIBUTE = "ecs.ami-id";

/** IDs of the AMIs of the hosts that tasks run on, or ran on. Empty for tasks on Fargate, and if the hosts have ended. */
export async function hostAmis(cluster: string, tasks: readonly Task[]): Promise<string[]> {
  const containerInstances = [...new Set(tasks.flatMap(({ containerInstanceArn }) => containerInstanceArn ?? []))];
  if (!containerInstances.length) return [];
  const { client, DescribeContainerInstancesCommand } = await ecsClient();
  const found = await client.send(new DescribeContainerInstancesCommand({ cluster, containerInstances }));
  const attributes = (found.containerInstances ?? []).flatMap((host) => host.attributes ?? []);
  return [...new Set(attributes.flatMap(({ name, value }) => (name === AMI_ATTRIBUTE && value ? [value] : [])))];
}
