import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerFilter, dockerClient, LABELS } from "../../stack/clients/docker";
import { dockerEndpoint } from "../../stack/clients/docker-endpoint";
import { formatProblems } from "../../stack/config/problem";
import { connectionProblem } from "../../stack/preflight/engine";
import { ROOT } from "../../stack/root";
import { STATE } from "./identity";
import { abandonedLocks, releaseLocks } from "./lock";
import type { LocalStack, State } from "./pulumi-stack";

/** Exists while a repair is in progress, so that the next command repeats a repair that was interrupted or that failed. */
const REPAIR = join(STATE, "repair");

/** A container, a volume, or a network with the labels of a stack. */
interface Resource {
  /** ID of the resource in the state of Pulumi. */
  id: string;
  remove(): Promise<unknown>;
}

/**
 * Repairs what an update left behind that was killed: releases its lock, refreshes the state, and removes containers, volumes, and
 * networks that it created but that are not in the state.
 *
 * @returns the state
 * @throws Error if another update is running, or if the engine does not answer.
 */
export async function recover(stack: LocalStack): Promise<State> {
  const locks = abandonedLocks(STATE);
  const state = stack.state();
  if (locks.length === 0 && state.pendingOperations === 0 && !existsSync(REPAIR)) return state;
  console.error(
    locks.length > 0
      ? `The last update was interrupted: its process ${locks.map(({ pid }) => pid).join(", ")} is gone. Releasing its lock and repairing the state ...`
      : "The last update was interrupted. Repairing the state ...",
  );
  await requireEngine(stack.name); // before the lock is released, so that the next command tries again
  writeFileSync(REPAIR, "");
  releaseLocks(locks);
  // Drops creations that were interrupted: if the resource exists, it is removed below.
  const code = await stack.update("refresh", "--clear-pending-creates");
  if (code !== 0)
    throw new Error("The state could not be repaired. The reason is above. Fix the cause and run the command again.");
  const repaired = stack.state();
  const resources = await labelledResources(containerFilter(stack.name));
  await removeAll(resources.filter(({ id }) => !repaired.ids.has(id)));
  rmSync(REPAIR);
  return repaired;
}

/**
 * Checks that no service was created in this folder whose state is missing. An update would create a second one.
 * @throws Error with a remedy if there is one.
 */
export async function requireState(stack: LocalStack, { ids }: State): Promise<void> {
  if (ids.size > 0) return;
  // If the engine does not answer, the update reports it, together with other problems.
  const resources = await resourcesOfFolder(stack.name).catch(() => []);
  if (resources.length === 0) return;
  throw new Error(
    `The Docker engine has a service that was created in ${ROOT}, but its state is not in .state/. ` +
      "If you moved its folder, operate it from there. If its state is lost, remove it and all its data with " +
      "`npm run down -- --without-state`.",
  );
}

/** Removes all services that were created in this folder, also if their state is missing. */
export async function removeServicesOfFolder(stack: string): Promise<void> {
  await removeAll(await resourcesOfFolder(stack));
}

const resourcesOfFolder = (stack: string): Promise<Resource[]> =>
  labelledResources({ label: [`${LABELS.stack}=${stack}`, `${LABELS.folder}=${ROOT}`] });

/** Removes everything with the labels of the stack. After `destroy`, this is what the state does not contain. */
export async function removeLeftovers(stack: LocalStack): Promise<void> {
  await removeAll(await labelledResources(containerFilter(stack.name)));
}

/** @throws Error with a remedy if the Docker engine does not answer. */
export async function requireEngine(stack: string): Promise<void> {
  const endpoint = dockerEndpoint();
  await dockerClient(endpoint)
    .ping()
    .catch((error: Error) => {
      const problem = { key: "platform", value: "docker", remedy: connectionProblem(endpoint, error) };
      throw new Error(formatProblems([problem], stack), { cause: error });
    });
}

/** The containers, volumes, and networks with some labels, in the order in which they can be removed. */
async function labelledResources(filters: { label: string[] }): Promise<Resource[]> {
  const engine = dockerClient();
  const containers = await engine.listContainers({ all: true, filters });
  const { Volumes: volumes } = await engine.listVolumes({ filters });
  const networks = await engine.listNetworks({ filters });
  return [
    ...containers.map(({ Id: id }) => ({ id, remove: () => engine.getContainer(id).remove({ force: true, v: true }) })),
    ...(volumes ?? []).map(({ Name: id }) => ({ id, remove: () => engine.getVolume(id).remove() })),
    ...networks.map(({ Id: id }) => ({ id, remove: () => engine.getNetwork(id).remove() })),
  ];
}

async function removeAll(resources: readonly Resource[]): Promise<void> {
  for (const resource of resources) {
    await resource.remove().catch((error: Error & { statusCode?: number }) => {
      if (error.statusCode === 404) return; // removed since it was listed
      throw new Error(`${resource.id} cannot be removed: ${error.message}. Remove it, and run the command again.`);
    });
  }
}
