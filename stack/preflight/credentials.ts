import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { dockerConfigFile, readDockerConfig } from "../clients/docker-config";
import type { Settings } from "../config/schema";

/** Name of Docker Hub in Docker's configuration file. */
const DOCKER_HUB = "https://index.docker.io/v1/";

/**
 * Problems with the programs from which a build gets the credentials for registries: what is wrong, and how to fix it. The provider runs
 * the program of `credsStore` in every build, and a program of `credHelpers` when the registry of a base image asks for credentials.
 * @throws Error of `readDockerConfig`
 */
export function credentialProblems({ bases }: Settings): string[] {
  const { credsStore, credHelpers } = readDockerConfig();
  const registries = new Set(Object.values(bases).map(registryOf));
  const helpers = Object.entries(credHelpers ?? {})
    .filter(([registry]) => registries.has(registry))
    .map(([registry, name]) => [`credHelpers["${registry}"]`, name]);
  return [["credsStore", credsStore], ...helpers]
    .filter(([, name]) => name && !isOnPath(`docker-credential-${name}`))
    .map(
      ([entry, name]) =>
        `${entry} in ${dockerConfigFile()} needs the program docker-credential-${name}, which is not on PATH: install it, or remove ${entry} from this file`,
    );
}

/** The registry of an image, as in Docker's configuration file. The first part of a name is a host if it has a dot or a port. */
function registryOf(image: string): string {
  const [host, ...path] = image.split("/");
  const isHost = path.length > 0 && /[.:]|^localhost$/.test(host);
  return isHost && !/^(index\.)?docker\.io$/.test(host) ? host : DOCKER_HUB;
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
