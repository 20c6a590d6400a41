import { isHealthy } from "../../../stack/aws/operations/rollout/deployment-state";
import { ecsClient } from "../../../stack/clients/aws";
import { ecrImages, type EcrImage } from "../../../stack/registry/ecr-images";
import { runningReleases } from "../releases";
import type { RoleStatus } from "../model";
import type { RoleService } from "./services";

/** The number of tasks of each role, and what it runs. */
export async function roleStatus(services: readonly RoleService[]): Promise<RoleStatus[]> {
  const images = await Promise.all(services.map(({ service }) => imageDigest(service?.taskDefinition)));
  // Without the permission to read the repository, the releases are unknown, and everything else is shown.
  const released = await ecrImages().catch((): EcrImage[] => []);
  const releases = runningReleases(images, released);
  return services.map(({ spec, service, tasks }, index) => ({
    role: spec.name,
    desired: service?.desiredCount ?? 0,
    running: service?.runningCount ?? 0,
    healthy: tasks.filter(isHealthy).length,
    minTasks: spec.minTasks,
    problem: problemOf(spec.minTasks, service?.desiredCount),
    digest: images[index],
    release: releases[index],
  }));
}

function problemOf(minTasks: number, desired: number | undefined): string | undefined {
  if (desired === undefined) return "the service does not exist";
  return desired < minTasks ? `the service has ${desired} desired tasks, and the minimum is ${minTasks}` : undefined;
}

/** Digest of the image of a task definition. Undefined if it names the image by a tag. */
async function imageDigest(taskDefinition: string | undefined): Promise<string | undefined> {
  if (!taskDefinition) return undefined;
  const { client, DescribeTaskDefinitionCommand } = await ecsClient();
  const { taskDefinition: found } = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
  return found?.containerDefinitions?.[0]?.image?.split("@")[1];
}
