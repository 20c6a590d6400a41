import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** The settings in Docker's `config.json` that the program depends on. */
const schema = z.object({
  /** Name of the Docker context that is used if neither DOCKER_HOST nor DOCKER_CONTEXT is set. */
  currentContext: z.string().nullish(),
  /** Name of the program that stores the credentials for all registries, without `docker-credential-`. */
  credsStore: z.string().nullish(),
  /** The same for one registry, by registry. */
  credHelpers: z.record(z.string(), z.string()).nullish(),
  /** Credentials by registry, if no program stores them: `auth` is the base64 of USER:PASSWORD. */
  auths: z.record(z.string(), z.object({ auth: z.string().nullish() })).nullish(),
});

export type DockerConfig = z.infer<typeof schema>;

/** Folder of Docker's configuration, which also contains the contexts. */
export const dockerConfigFolder = (): string => process.env.DOCKER_CONFIG || join(homedir(), ".docker");

export const dockerConfigFile = (): string => join(dockerConfigFolder(), "config.json");

/**
 * Reads Docker's configuration file. It is empty if the file does not exist.
 * @throws Error that names the file, if it cannot be read or is not valid.
 */
export function readDockerConfig(): DockerConfig {
  try {
    return schema.parse(JSON.parse(readFileSync(dockerConfigFile(), "utf8")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return {};
    // The message of the parser can contain the text of the file, which can contain credentials.
    const reason = code ? `cannot be read (${code})` : "is not valid";
    throw new Error(`the Docker configuration file ${dockerConfigFile()} ${reason}: correct it, or remove it`, {
      cause: error,
    });
  }
}
