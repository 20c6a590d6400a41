import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerConfigFile, dockerConfigFolder, readDockerConfig } from "./docker-config";

/** How the Docker engine is reached. */
export interface DockerEndpoint {
  /** Address, as in DOCKER_HOST. Absent for the default socket. */
  host?: string;
  /** The Docker context that the address is from. Absent if the address is from DOCKER_HOST or is the default. */
  context?: string;
  /** Folder of the TLS certificates of the context, as in DOCKER_CERT_PATH. */
  certificates?: string;
}

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/**
 * Finds the Docker engine that the Docker CLI uses: DOCKER_HOST, or else the context in DOCKER_CONTEXT, or else the current context.
 * @throws Error that says what is wrong with the context or with Docker's configuration file.
 */
export function dockerEndpoint(): DockerEndpoint {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: variable } = process.env;
  if (host) return { host };
  const context = variable || readDockerConfig().currentContext;
  if (!context || context === "default") return {};
  const id = createHash("sha256").update(context).digest("hex");
  const contextHost = hostIn(join(dockerConfigFolder(), "contexts", "meta", id, "meta.json"));
  if (!contextHost) {
    const [source, remedy] = variable
      ? ["DOCKER_CONTEXT", "set it to a context that `docker context ls` lists, or unset it"]
      : [dockerConfigFile(), "select another context with `docker context use NAME`"];
    throw new Error(
      `${source} names the Docker context ${context}, which does not exist or has no Docker engine: ${remedy}`,
    );
  }
  const certificates = join(dockerConfigFolder(), "contexts", "tls", id, "docker");
  return { host: contextHost, context, ...(existsSync(certificates) ? { certificates } : {}) };
}

/** The environment variables with which a program that does not read contexts reaches the same engine. */
export function dockerEnvironment(): Record<string, string> {
  const { host = DEFAULT_HOST, certificates } = dockerEndpoint();
  return { DOCKER_HOST: host, ...tlsEnvironment(certificates) };
}

/** The environment variables for the TLS certificates of a context. */
export const tlsEnvironment = (certificates?: string): Record<string, string> =>
  certificates ? { DOCKER_CERT_PATH: certificates, DOCKER_TLS_VERIFY: "1" } : {};

interface ContextMetadata {
  Endpoints?: { docker?: { Host?: string } };
}

/** The address in the metadata of a context. */
function hostIn(file: string): string | undefined {
  try {
    const { Endpoints } = JSON.parse(readFileSync(file, "utf8")) as ContextMetadata;
    return Endpoints?.docker?.Host;
  } catch {
    return undefined;
  }
}
