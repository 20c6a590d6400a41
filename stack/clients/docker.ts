import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import Docker from "dockerode";
import type DockerModem from "docker-modem";
import { ROOT } from "../root";
import { dockerEndpoint, type DockerEndpoint } from "./docker-endpoint";

/** Labels of every container, volume, and network of a stack on this machine. */
export const LABELS = {
  service: "spatialforge.service",
  stack: "spatialforge.stack",
  folder: "spatialforge.folder",
  id: "spatialforge.id",
} as const;

/**
 * What distinguishes two clones on one engine: the ID of the local service, which stays the same when the clone is moved
 * (`scripts/local/identity.ts`). Without that script, it is the folder of the project.
 */
const serviceId = (): string => process.env.SPATIALFORGE_ID ?? ROOT;

/** Values of the labels of a container, a volume, or a network. */
export const labelsOf = (stack: string, service: string): Record<string, string> => ({
  [LABELS.service]: service,
  [LABELS.stack]: stack,
  [LABELS.id]: serviceId(),
  [LABELS.folder]: process.env.SPATIALFORGE_FOLDER ?? ROOT, // in which the service was created
});

/** Docker filter for the containers of a stack of this folder, or for one of its services. */
export function containerFilter(stack: string, service?: string): { label: string[] } {
  const label = [`${LABELS.stack}=${stack}`, `${LABELS.id}=${serviceId()}`];
  return { label: service ? [...label, `${LABELS.service}=${service}`] : label };
}

/**
 * Creates a client for a Docker engine. The default is the engine that the Docker CLI uses.
 * @throws Error of `dockerEndpoint`
 */
export function dockerClient(endpoint: DockerEndpoint = dockerEndpoint()): Docker {
  // dockerode reads DOCKER_HOST and the variables that belong to it. It does not read contexts.
  const isDefault = endpoint.host === (process.env.DOCKER_HOST || undefined);
  return new Docker(isDefault ? undefined : options(endpoint));
}

/** Options of dockerode for an address that is not in DOCKER_HOST. */
function options({ host = "", certificates }: DockerEndpoint): Docker.DockerOptions {
  const [, socketPath] = /^unix:\/\/(.*)/.exec(host) ?? [];
  if (socketPath) return { socketPath };
  const { protocol, hostname, port, username } = new URL(host);
  const address = { host: hostname, port, username };
  if (protocol === "ssh:") return { ...address, protocol: "ssh", sshOptions: { agent: process.env.SSH_AUTH_SOCK } };
  if (!certificates) return { ...address, protocol: "http" };
  const pem = (name: string) => readFileSync(join(certificates, `${name}.pem`));
  return { ...address, protocol: "https", ca: pem("ca"), cert: pem("cert"), key: pem("key") };
}

/** Both output streams of a container or of a command in it, as one stream. */
export function mergedOutput({ modem }: { modem: unknown }, stream: NodeJS.ReadableStream): PassThrough {
  const output = new PassThrough();
  (modem as DockerModem).demuxStream(stream, output, output);
  stream.once("end", () => output.end());
  return output;
}
