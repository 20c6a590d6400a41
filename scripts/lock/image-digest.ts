import { authorizationOf, type Credentials, type Token } from "../../stack/registry/http";
import { Registry } from "../../stack/registry/registry";
import { dockerLogin } from "./docker-login";
import type { ImageReference } from "./image-reference";

/** Timeout of a request to an authorization service, including its response. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The digest of the image that a tag names now. For an image for several platforms, this is the digest of the list of its manifests.
 * @throws Error with the reason and a remedy
 */
export async function imageDigest({ host, repository, tag = "" }: ImageReference): Promise<string> {
  const tls = !/^(127\.|localhost(:|$))/.test(host);
  const login = await registryLogin(`${tls ? "https" : "http"}://${host}`, host, repository);
  const digest = await new Registry(`${host}/${repository}`, login, tls).digest(tag);
  if (!digest) throw new Error(`the registry ${host} has no tag ${tag} of ${repository}: use another tag`);
  return digest;
}

/**
 * What a request to the registry must be authorized with. The registry says it in its answer to a request without authorization: nothing,
 * user and password (`Basic`), or a token of an authorization service (`Bearer`), which public repositories give to everybody.
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 */
async function registryLogin(
  origin: string,
  host: string,
  repository: string,
): Promise<Credentials | Token | undefined> {
  const { status, headers } = await request(`${origin}/v2/`);
  const challenge = headers.get("www-authenticate") ?? "";
  if (status !== 401 || !challenge) return undefined;
  const credentials = dockerLogin(host);
  if (!/^bearer /i.test(challenge)) return credentials;
  const { realm, service } = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  ) as { realm?: string; service?: string };
  if (!realm) throw new Error(`the registry ${host} names no authorization service`);
  const url = new URL(realm);
  if (service) url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${repository}:pull`);
  const response = await request(url.href, credentials ? { authorization: authorizationOf(credentials) } : {});
  if (!response.ok) {
    throw new Error(
      `${url.host} gives no token for ${repository} (HTTP ${response.status}): check its name, and run \`docker login ${host}\` if it is private`,
    );
  }
  const { token, access_token: accessToken } = (await response.json()) as { token?: string; access_token?: string };
  return { token: token ?? accessToken ?? "" };
}

const request = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
