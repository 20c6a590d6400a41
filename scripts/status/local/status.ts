import type { EcrImage } from "../../../stack/registry/ecr-images";
import { localRepository, Registry } from "../../../stack/registry/registry";
import { registryImages } from "../../../stack/registry/registry-images";
import { readContainers } from "../../operate/containers";
import type { OperatedStack } from "../../operate/stack";
import type { Status } from "../model";
import { healthOf, otherContainers, roleStatus } from "./containers";
import { queueStatus } from "./queue";

/** Reads the state of a stack on the Docker engine of this machine. @throws the errors of `readContainers` */
export async function localStatus({ name, settings }: OperatedStack): Promise<Status> {
  const containers = await readContainers(name);
  // If the registry does not answer, its container is not healthy, and the releases are unknown.
  const images = await registryImages(new Registry(localRepository(settings.registryPort))).catch((): EcrImage[] => []);
  const application = containers.find(({ service, info }) => service === "beat" && healthOf(info) === "healthy");
  return {
    stack: name,
    platform: "docker",
    time: new Date().toISOString(),
    roles: { data: roleStatus(containers, images) },
    containers: { data: otherContainers(containers) },
    queues: { data: application ? await queueStatus(application.container) : [] },
  };
}
