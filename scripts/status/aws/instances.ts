import type { ContainerInstance } from "@aws-sdk/client-ecs";
import { ecsClient } from "../../../stack/clients/aws";
import type { InstanceStatus } from "../model";

/** Maximum number of container instances in a page, and in a request of DescribeContainerInstances. */
const PAGE_SIZE = 100;

/** The GPU instances that have registered in the cluster. */
export async function instanceStatus(cluster: string): Promise<InstanceStatus[]> {
  const { client, DescribeContainerInstancesCommand, paginateListContainerInstances } = await ecsClient();
  const instances: InstanceStatus[] = [];
  const pages = paginateListContainerInstances({ client, pageSize: PAGE_SIZE }, { cluster });
  for await (const { containerInstanceArns = [] } of pages) {
    if (!containerInstanceArns.length) continue;
    const command = new DescribeContainerInstancesCommand({ cluster, containerInstances: containerInstanceArns });
    const { containerInstances = [] } = await client.send(command);
    instances.push(...containerInstances.map(describe));
  }
  return instances.sort((a, b) => a.id.localeCompare(b.id));
}

/**
 * The attributes are those that the ECS agent registers:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
 */
function describe(instance: ContainerInstance): InstanceStatus {
  const attribute = (name: string) => instance.attributes?.find((one) => one.name === name)?.value ?? "";
  return {
    id: instance.ec2InstanceId ?? "",
    type: attribute("ecs.instance-type"),
    zone: attribute("ecs.availability-zone"),
    ami: attribute("ecs.ami-id"),
    gpus: gpus(instance.registeredResources),
    freeGpus: gpus(instance.remainingResources),
    status: instance.status ?? "",
    agentConnected: instance.agentConnected ?? true,
  };
}

/** GPUs are a set of IDs: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Resource.html */
const gpus = (resources: ContainerInstance["registeredResources"] = []): number =>
  resources.find(({ name }) => name === "GPU")?.stringSetValue?.length ?? 0;
