import { createServer } from "node:net";
import Docker from "dockerode";
import { containersOf } from "../docker/labels";
import { localRepository, Registry, releaseTag } from "../release/registry";
import { openApp, type AppSource } from "../source/app";
import { IMAGES } from "../images/table";
import type { Problem } from "./parse";
import type { Settings } from "./schema";

/** What the program needs to know of the Docker engine. */
export interface Machine {
  /** Platform that the images are built for, as in `linux/amd64`: the engine's own, or that of the GPU hosts. */
  platform: string;
  /** Whether there are GPUs for the services. */
  gpu: boolean;
}

/** The first engine whose BuildKit knows `COPY --link` without a `# syntax=` line. */
const LEAST_ENGINE = 23;

const ARCHITECTURES: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };

/** Checks what only the machine, and the AWS account, can tell; collects all that is wrong. */
export async function machineProblems(settings: Settings, stack: string) {
  const problems: Problem[] = [];
  // Loaded where it is needed: the AWS provider takes its time.
  const account = settings.platform === "aws" ? import("../aws/account.js") : undefined;
  const [app, engine, accountSays = []] = await Promise.all([
    openApp(settings.app).catch((error: Error) => {
      problems.push({ key: "app", value: JSON.stringify(settings.app), remedy: error.message });
      return undefined;
    }),
    engineProblems(settings, problems),
    account?.then(({ accountProblems }) => accountProblems(settings)),
  ]);
  problems.push(...(app?.problems() ?? []), ...accountSays);
  if (settings.platform === "docker" && engine) problems.push(...(await localProblems(settings, stack)));
  const machine = engine && settings.platform === "aws" ? { platform: "linux/amd64", gpu: true } : engine;
  return { problems, machine, app: app as AppSource | undefined };
}

/** Ports, registry and release of this machine. */
async function localProblems(settings: Settings, stack: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const key of ["port", "registryPort"] as const) {
    if (!(await isFree(settings[key])) && !(await isOurs(settings[key], stack))) {
      problems.push({
        key,
        value: String(settings[key]),
        remedy: `something else listens on this port: end it, or choose another one with \`pulumi config set spatialforge:${key} PORT\``,
      });
    }
  }
  const registry = await registryProblems(settings, stack);
  problems.push(...registry);
  if (settings.release && !registry.length) problems.push(...(await releaseProblems(settings, settings.release)));
  return problems;
}

async function engineProblems(settings: Settings, problems: Problem[]): Promise<Machine | undefined> {
  const engine = new Docker();
  try {
    const [version, info] = await Promise.all([engine.version(), engine.info()]);
    if (parseInt(version.Version, 10) < LEAST_ENGINE) {
      problems.push({
        key: "platform",
        value: settings.platform,
        remedy: `the Docker engine is ${version.Version}: it must be ${LEAST_ENGINE} or newer`,
      });
    }
    const nvidia = "nvidia" in (info.Runtimes ?? {});
    if (settings.platform === "docker" && settings.gpu === "required" && !nvidia) {
      problems.push({
        key: "gpu",
        value: "required",
        remedy:
          "the Docker engine has no runtime called nvidia: install the NVIDIA Container Toolkit, or set gpu to auto or off",
      });
    }
    const architecture = ARCHITECTURES[info.Architecture] ?? info.Architecture;
    return { platform: `linux/${architecture}`, gpu: nvidia && settings.gpu !== "off" };
  } catch (error) {
    const at = process.env.DOCKER_HOST ?? "the default socket";
    problems.push({
      key: "platform",
      value: settings.platform,
      remedy: `the Docker engine does not answer at ${at} (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}): start it, or set DOCKER_HOST`,
    });
    return undefined;
  }
}

/** The stack's own registry must answer, once it is there. */
async function registryProblems(settings: Settings, stack: string): Promise<Problem[]> {
  const [registry] = await new Docker().listContainers({ all: true, filters: containersOf(stack, "registry") });
  const repository = localRepository(settings);
  if (!registry || (await new Registry(repository).answers())) return [];
  return [
    {
      key: "registryPort",
      value: String(settings.registryPort),
      remedy: `the registry of ${repository} does not answer: \`docker restart ${registry.Names[0].slice(1)}\``,
    },
  ];
}

async function releaseProblems(settings: Settings, release: string): Promise<Problem[]> {
  const repository = localRepository(settings);
  try {
    const registry = new Registry(repository);
    const there = await Promise.all(IMAGES.map(({ name }) => registry.digest(releaseTag(release, name))));
    if (there.every(Boolean)) return [];
    return [
      {
        key: "release",
        value: release,
        remedy: `${repository} has no such release: take an id that an earlier update printed`,
      },
    ];
  } catch {
    return [
      {
        key: "release",
        value: release,
        remedy: `the registry of ${repository} does not answer: run an update without a release first`,
      },
    ];
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function isOurs(port: number, stack: string): Promise<boolean> {
  const containers = await new Docker().listContainers({ filters: containersOf(stack) });
  return containers.some(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port));
}
