import type Docker from "dockerode";
import { containerFilter, dockerClient, LABELS } from "../../stack/clients/docker";
import { identifyService } from "../local/identity";
import { STACK } from "../local/pulumi-stack";
import { requireEngine } from "../local/recovery";
import { UserError } from "./command";

/** A container of a stack: its service, and its state as the engine returns it. */
export interface ServiceContainer {
  service: string;
  container: Docker.Container;
  info: Docker.ContainerInspectInfo;
}

/**
 * The containers of a stack on the Docker engine of this machine, also those that have stopped.
 * @throws Error that says how to reach the engine, if it does not answer, and UserError if there are no containers.
 */
export async function readContainers(stack: string): Promise<ServiceContainer[]> {
  // The labels of the stack `local` have the identity of this clone.
  if (stack === STACK) identifyService();
  await requireEngine(stack);
  const engine = dockerClient();
  const containers = await engine.listContainers({ all: true, filters: containerFilter(stack) });
  if (!containers.length) {
    throw new UserError(`--stack ${stack}: the service is not running on this machine. Start it with \`npm run up\`.`);
  }
  return Promise.all(
    containers.map(async ({ Id, Labels }) => {
      const container = engine.getContainer(Id);
      return { service: Labels[LABELS.service], container, info: await container.inspect() };
    }),
  );
}
