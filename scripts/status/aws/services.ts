import type { Service, Task } from "@aws-sdk/client-ecs";
import { serviceTasks } from "../../../stack/aws/operations/rollout/service-client";
import { ecsClient } from "../../../stack/clients/aws";
import type { ServiceSpec } from "../../../stack/config/services";

/** The service of a role, with its tasks that run or start. */
export interface RoleService {
  spec: ServiceSpec;
  /** Undefined if the cluster has no such service. */
  service?: Service;
  tasks: Task[];
}

/** Reads the services of all roles, and their tasks. */
export async function readServices(cluster: string, specs: readonly ServiceSpec[]): Promise<RoleService[]> {
  const { client, DescribeServicesCommand } = await ecsClient();
  const command = new DescribeServicesCommand({ cluster, services: specs.map(({ name }) => name) });
  const { services = [] } = await client.send(command);
  return Promise.all(
    specs.map(async (spec) => {
      const service = services.find(({ serviceName, status }) => serviceName === spec.name && status !== "INACTIVE");
      return { spec, service, tasks: service ? await serviceTasks({ cluster, service: spec.name }, "RUNNING") : [] };
    }),
  );
}
