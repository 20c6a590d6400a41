import { execFileSync } from "node:child_process";
import { readDockerConfig } from "../../stack/clients/docker-config";
import type { Credentials } from "../../stack/registry/http";

/** Name of Docker Hub in Docker's configuration file, by the host of its API. */
const CONFIG_NAMES: Readonly<Record<string, string>> = { "registry-1.docker.io": "https://index.docker.io/v1/" };

/**
 * The credentials that `docker login` has stored for a registry. Undefined if there are none, or if only an identity token is stored.
 * Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
 * @param host - as `HOST` or `HOST:PORT`
 */
export function dockerLogin(host: string): Credentials | undefined {
  const { auths, credHelpers, credsStore } = readDockerConfig();
  const name = CONFIG_NAMES[host] ?? host;
  const helper = credHelpers?.[name] ?? credsStore;
  return helper ? fromHelper(helper, name) : fromAuth(auths?.[name]?.auth);
}

function fromHelper(helper: string, name: string): Credentials | undefined {
  try {
    const output = execFileSync(`docker-credential-${helper}`, ["get"], {
      input: name,
      encoding: "utf8",
      stdio: "pipe",
    });
    const { Username: username, Secret: password } = JSON.parse(output) as { Username: string; Secret: string };
    return username === "<token>" ? undefined : { username, password };
  } catch {
    return undefined; // the program fails if it has no credentials for the registry
  }
}

function fromAuth(auth?: string | null): Credentials | undefined {
  const text = Buffer.from(auth ?? "", "base64").toString();
  const colon = text.indexOf(":");
  return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}
