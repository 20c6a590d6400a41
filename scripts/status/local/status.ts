import { readContainers } from "../../operate/containers";
import type { OperatedStack } from "../../operate/stack";
import type { Status } from "../model";
import { healthOf, otherContainers, roleStatus } from "./containers";
import { queueStatus } from "./queue";
import { localReleases } from "./releases";

/** Reads the state of a stack on the Docker engine of this machine. @throws the errors of `readContainers` */
export async function localStatus({ name, settings }: OperatedStack): Promise<Status> {
  const containers = await readContainers(name);
  const releases = await localReleases(settings.registryPort);
  const application = containers.find(({ service, info }) => service === "beat" && healthOf(info) === "healthy");
  return {
    stack: name,
    platform: "docker",
    time: new Date().toISOString(),
    roles: { data: roleStatus(containers, (digest) => releases.get(digest)) },
    containers: { data: otherContainers(containers) },
    queues: { data: application ? await queueStatus(application.container) : [] },
  };
}
