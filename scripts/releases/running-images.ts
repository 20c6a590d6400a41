import { ecsClient } from "../../stack/clients/aws";
import { containerFilter, dockerClient, LABELS } from "../../stack/clients/docker";
import { imageDigest } from "../../stack/registry/release";
import { ROLES, type RoleName } from "../../stack/roles";

/** Digest of the image that each role runs, as in `sha256:...`. A role without a service is absent. */
export type RunningImages = Partial<Record<RoleName, string>>;

/**
 * The images that the ECS services of a stack run. While a deployment is in progress, and after one that failed, these are the images of the
 * last deployment that completed.
 *
 * @param cluster - name of the ECS cluster. Without such a cluster, no service runs.
 */
export async function runningOnAws(cluster: string): Promise<RunningImages> {
  const { client, DescribeServicesCommand, DescribeTaskDefinitionCommand } = await ecsClient();
  const request = new DescribeServicesCommand({ cluster, services: ROLES.map(({ name }) => name) });
  const { services = [] } = await client.send(request).catch((error: Error) => {
    if (error.name === "ClusterNotFoundException") return { services: [] };
    throw error;
  });
  const found = services
    .filter(({ status }) => status === "ACTIVE")
    .map(async ({ serviceName = "", deployments = [], taskDefinition }) => {
      const completed = deployments.find(({ rolloutState }) => rolloutState === "COMPLETED");
      const described = await client.send(
        new DescribeTaskDefinitionCommand({ taskDefinition: completed?.taskDefinition ?? taskDefinition }),
      );
      const image = described.taskDefinition?.containerDefinitions?.[0]?.image ?? "";
      return [serviceName, imageDigest(image)] as const;
    });
  return Object.fromEntries(await Promise.all(found));
}

/** The images that the containers of a stack on this machine run. */
export async function runningOnDocker(stack: string): Promise<RunningImages> {
  const engine = dockerClient();
  const containers = await engine.listContainers({ filters: containerFilter(stack) });
  const roles = containers.filter(({ Labels }) => ROLES.some(({ name }) => name === Labels[LABELS.service]));
  const found = roles.map(async ({ Id, Labels }) => {
    const { Config } = await engine.getContainer(Id).inspect();
    return [Labels[LABELS.service], imageDigest(Config.Image)] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}
