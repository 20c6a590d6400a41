import Docker from "dockerode";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";

/** Properties of the Docker engine that the program depends on. */
export interface Engine {
  /** Platform that images are built for, as in `linux/amd64`. */
  platform: string;
  /** Whether the engine has a runtime called `nvidia`. */
  nvidiaRuntime: boolean;
}

/** The fields of `docker info` that this file reads. */
interface EngineInfo {
  Architecture: string;
  Runtimes?: Record<string, unknown>;
}

/** The first engine whose BuildKit supports `COPY --link` without a `# syntax=` line. */
const MINIMUM_VERSION = 23;

const ARCHITECTURES: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };

/** Inspects the Docker engine. Returns no engine if it does not answer. */
export async function inspectEngine(settings: Settings): Promise<{ engine?: Engine; problems: Problem[] }> {
  const docker = new Docker();
  const platformProblem = (remedy: string): Problem => ({ key: "platform", value: settings.platform, remedy });
  try {
    const [{ Version: version }, info] = await Promise.all([docker.version(), docker.info() as Promise<EngineInfo>]);
    const problems: Problem[] = [];
    if (parseInt(version, 10) < MINIMUM_VERSION) {
      problems.push(
        platformProblem(`the Docker engine has version ${version}: install version ${MINIMUM_VERSION} or newer`),
      );
    }
    const architecture = ARCHITECTURES[info.Architecture] ?? info.Architecture;
    const engine = { platform: `linux/${architecture}`, nvidiaRuntime: "nvidia" in (info.Runtimes ?? {}) };
    return { engine, problems };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const address = process.env.DOCKER_HOST ?? "the default socket";
    const remedy = `the Docker engine does not answer at ${address} (${code ?? message}): start it, or set DOCKER_HOST`;
    return { problems: [platformProblem(remedy)] };
  }
}
