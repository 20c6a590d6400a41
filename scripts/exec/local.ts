import type Docker from "dockerode";
import { dockerEnvironment } from "../../stack/clients/docker-endpoint";
import { chooseId, requireRole } from "../operate/choose";
import { UserError } from "../operate/command";
import { readContainers } from "../operate/containers";
import type { OperatedStack } from "../operate/stack";
import type { ExecArgs } from "./exec-args";
import { foreground } from "./foreground";

const SHELL = "/bin/sh";

/**
 * Runs a command in the container of a role with the Docker CLI.
 * @returns the exit code of the command
 * @throws UserError if the container does not run, if it has no shell, or if the Docker CLI is missing
 */
export async function execOnDocker({ name }: OperatedStack, { role, task, command }: ExecArgs): Promise<number> {
  const containers = await readContainers(name);
  requireRole(role, [...new Set(containers.map(({ service }) => service))].sort());
  const running = containers.filter(({ service, info }) => service === role && info.State.Running);
  const ids = running.map(({ info }) => info.Id);
  const id = task === undefined ? ids[0] : chooseId(role, task, ids);
  if (!id)
    throw new UserError(
      `ROLE ${role}: the container is not running. To see why, run \`npm run status -- --stack ${name}\`.`,
    );
  if (!command.length) await requireShell(role, running.find(({ info }) => info.Id === id)!.container);
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["-t"] : [];
  // DOCKER_CONTEXT would be used instead of DOCKER_HOST by some commands.
  const env = { ...process.env, ...dockerEnvironment(), DOCKER_CONTEXT: undefined };
  const args = ["exec", "-i", ...terminal, id, ...(command.length ? command : [SHELL])];
  return foreground("docker", args, env).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new UserError(
      "The Docker CLI is not installed (docker). To install it, see https://docs.docker.com/engine/install/.",
    );
  });
}

/** Checks that an image has a shell. The setting `shell` removes it from the CPU image. */
async function requireShell(role: string, container: Docker.Container): Promise<void> {
  const hasShell = await container.infoArchive({ path: SHELL }).then(
    () => true,
    (error: { statusCode?: number }) => error.statusCode !== 404,
  );
  if (hasShell) return;
  throw new UserError(
    `${role}: the image has no shell. Set spatialforge:shell to true and run \`npm run up\`, or run a program of the image, as in \`-- python --version\`.`,
  );
}
