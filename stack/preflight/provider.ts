import { homedir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { dockerClient } from "../clients/docker";
import { tlsEnvironment, type DockerEndpoint } from "../clients/docker-endpoint";

/** Sockets that the provider tries if it has no address. https://github.com/pulumi/pulumi-docker/blob/master/provider/image.go */
const SOCKETS = [
  "/var/run/docker.sock",
  join(homedir(), ".docker/run/docker.sock"),
  join(homedir(), ".docker/desktop/docker.sock"),
];

/**
 * Whether the Pulumi provider uses another engine than the context, because it does not read contexts: what is wrong, and how to fix it.
 * @param id - ID of the engine of the context
 */
export async function providerProblems({ context, certificates }: DockerEndpoint, id: string): Promise<string[]> {
  if (!context || (await providerEngine()) === id) return [];
  const tls = Object.entries(tlsEnvironment(certificates)).map(([name, value]) => ` ${name}=${value}`);
  return [
    `the Pulumi provider does not read Docker contexts, so it does not build with the engine of the context ${context}: ` +
      `run \`export DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')${tls.join("")}\``,
  ];
}

/** ID of the engine that the provider uses without DOCKER_HOST: the first one that answers. */
async function providerEngine(): Promise<string | undefined> {
  const configured = new pulumi.Config("docker").get("host");
  for (const host of configured ? [configured] : SOCKETS.map((socket) => `unix://${socket}`)) {
    try {
      return ((await dockerClient({ host }).info()) as { ID: string }).ID;
    } catch {
      // The next one can answer.
    }
  }
}
