import { coerce, lt } from "semver";
import { dockerClient } from "../clients/docker";
import { dockerEndpoint, type DockerEndpoint } from "../clients/docker-endpoint";
import { buildsImages } from "../config/builds";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { credentialProblems } from "./credentials";
import { providerProblems } from "./provider";

/** Properties of the Docker engine that the program depends on. */
export interface Engine {
  /** Platform that images are built for, as in `linux/amd64`. */
  platform: string;
  /** Whether the engine has a runtime called `nvidia`. */
  nvidiaRuntime: boolean;
}

/** The fields of `docker info` that this file reads. */
interface EngineInfo {
  ID: string;
  Architecture: string;
  Runtimes?: Record<string, unknown>;
  DriverStatus?: [name: string, value: string][];
}

/** The first engine whose BuildKit supports `COPY --link` without a `# syntax=` line. */
const MINIMUM_VERSION = "23";

/**
 * The first engine with a containerd image store in which the Pulumi provider can build. Earlier ones do not read the build context that the
 * provider sends, and each build fails with "failed to read downloaded context".
 */
const MINIMUM_CONTAINERD_VERSION = "27.5";

const ARCHITECTURES: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };

/** Inspects the Docker engine. Returns no engine if it does not answer, or if Docker's configuration is not valid. */
export async function inspectEngine(settings: Settings): Promise<{ engine?: Engine; problems: Problem[] }> {
  const platformProblem = (remedy: string): Problem => ({ key: "platform", value: settings.platform, remedy });
  const builds = buildsImages(settings);
  let endpoint: DockerEndpoint;
  let credentials: string[];
  try {
    endpoint = dockerEndpoint();
    credentials = builds ? credentialProblems(settings) : [];
  } catch (error) {
    return { problems: [platformProblem((error as Error).message)] };
  }
  try {
    const docker = dockerClient(endpoint);
    const [{ Version: version }, info] = await Promise.all([docker.version(), docker.info() as Promise<EngineInfo>]);
    const usesProvider = builds || settings.platform === "docker";
    const remedies = [
      ...versionProblems(version, builds && isContainerdStore(info)),
      ...credentials,
      ...(usesProvider ? await providerProblems(endpoint, info.ID) : []),
    ];
    const problems = remedies.map(platformProblem);
    const architecture = ARCHITECTURES[info.Architecture] ?? info.Architecture;
    const engine = { platform: `linux/${architecture}`, nvidiaRuntime: "nvidia" in (info.Runtimes ?? {}) };
    return { engine, problems };
  } catch (error) {
    return { problems: [connectionProblem(endpoint, error as Error), ...credentials].map(platformProblem) };
  }
}

function versionProblems(version: string, buildsInContainerdStore: boolean): string[] {
  if (isOlder(version, MINIMUM_VERSION)) {
    return [`the Docker engine has version ${version}: install version ${MINIMUM_VERSION} or newer`];
  }
  if (buildsInContainerdStore && isOlder(version, MINIMUM_CONTAINERD_VERSION)) {
    return [
      `the Docker engine has version ${version} and a containerd image store, in which the Pulumi provider cannot build: install version ` +
        `${MINIMUM_CONTAINERD_VERSION} or newer, or set \`"features": {"containerd-snapshotter": false}\` in daemon.json and restart Docker`,
    ];
  }
  return [];
}

/** False for a version without a number, which an engine has that was built from a branch. */
function isOlder(version: string, minimum: string): boolean {
  const [found, required] = [coerce(version), coerce(minimum)];
  return !!found && !!required && lt(found, required);
}

const isContainerdStore = ({ DriverStatus }: EngineInfo): boolean =>
  !!DriverStatus?.some(([name, value]) => name === "driver-type" && value === "io.containerd.snapshotter.v1");

/** Why the engine cannot be reached, and how to fix it. */
export function connectionProblem({ host, context }: DockerEndpoint, error: NodeJS.ErrnoException): string {
  const reason = error.code ?? error.message;
  const address = `${host ?? "the default socket"}${context ? ` of the Docker context ${context}` : ""} (${reason})`;
  return reason === "EACCES" || reason === "EPERM"
    ? `no permission to use the Docker engine at ${address}: run \`sudo usermod -aG docker $USER\`, sign out, and sign in again. ` +
        "Do not run npm with sudo: its files would then belong to root"
    : `the Docker engine does not answer at ${address}: start it, or set DOCKER_HOST`;
}
