import { createServer } from "node:net";
import { containerFilter, dockerClient } from "../clients/docker";
import type { Problem } from "../config/problem";
import { PORTS } from "../config/rules";
import type { Settings } from "../config/schema";
import { IMAGES, type ImageName } from "../images/catalog";
import { localRepository, Registry } from "../registry/registry";
import { releaseTag } from "../registry/tags";
import { imagesOf } from "../roles";

/**
 * Problems with the ports, the registry, and the release on this machine. Requires an engine that answers.
 * @param gpu - whether the services run GPU images
 */
export async function localProblems(settings: Settings, stack: string, gpu: boolean): Promise<Problem[]> {
  const ports = await portProblems(settings, stack);
  const registry = await registryProblems(settings, stack);
  const release = settings.release && !registry.length ? await releaseProblems(settings, gpu) : [];
  return [...ports, ...registry, ...release];
}

async function portProblems(settings: Settings, stack: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const key of PORTS) {
    const port = settings[key];
    if ((await isFree(port)) || (await isPortOfStack(port, stack))) continue;
    const remedy = `another process listens on this port: stop it, or use another port with \`pulumi config set spatialforge:${key} PORT\``;
    problems.push({ key, value: String(port), remedy });
  }
  return problems;
}

/** The registry of the stack must answer if its container exists. */
async function registryProblems({ registryPort }: Settings, stack: string): Promise<Problem[]> {
  const filters = containerFilter(stack, "registry");
  const [container] = await dockerClient().listContainers({ all: true, filters });
  const repository = localRepository(registryPort);
  if (!container || (await new Registry(repository).isAvailable())) return [];
  const remedy = `the registry of ${repository} does not answer: \`docker restart ${container.Names[0].slice(1)}\``;
  return [{ key: "registryPort", value: String(registryPort), remedy }];
}

async function releaseProblems({ release, registryPort }: Settings, gpu: boolean): Promise<Problem[]> {
  const repository = localRepository(registryPort);
  const problem = (remedy: string): Problem[] => [{ key: "release", value: release, remedy }];
  const registry = new Registry(repository);
  const isMissing = async (name: ImageName) => !(await registry.digest(releaseTag(release, name)));
  try {
    const missing = await Promise.all(IMAGES.map(async ({ name }) => ((await isMissing(name)) ? [name] : [])));
    const names = missing.flat();
    if (names.length === IMAGES.length) {
      return problem(`the repository ${repository} has no such release: use an ID that an earlier update printed`);
    }
    const required = names.filter((name) => imagesOf(gpu).includes(name));
    if (required.length === 0) return [];
    return problem(
      `the release has no image ${required.join(" and no image ")}, which a service on this machine runs: ` +
        "set gpu to off, or use a release that was built on a machine with a GPU or with allImages",
    );
  } catch (error) {
    const reason = (error as Error).message;
    return problem(`the registry of ${repository} does not answer (${reason}): run an update without a release first`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function isPortOfStack(port: number, stack: string): Promise<boolean> {
  const containers = await dockerClient().listContainers({ filters: containerFilter(stack) });
  return containers.some(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port));
}
