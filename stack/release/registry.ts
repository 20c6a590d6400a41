/** The few calls of the OCI distribution API that a release needs. */
import type { Settings } from "../settings/schema";
import { userError } from "../user-error";

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The one repository of a stack on this machine; it holds all three images. */
export function localRepository(settings: Settings): string {
  return `127.0.0.1:${settings.registryPort}/spatialforge`;
}

/** The tag of an image in a release. */
export const releaseTag = (release: string, image: string): string => `release-${release}-${image}`;

/** Milliseconds that a registry has to answer. */
const ANSWER_MS = 10_000;

const call = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });

function address(repository: string, reference: string): string {
  const slash = repository.indexOf("/");
  return `http://${repository.slice(0, slash)}/v2/${repository.slice(slash + 1)}/manifests/${reference}`;
}

/** The digest behind a tag. @throws Error when the registry has no such tag or does not answer. */
export async function digestOf(repository: string, tag: string): Promise<string> {
  const response = await call(address(repository, tag), { method: "HEAD", headers: { accept: MANIFESTS } });
  const digest = response.headers.get("docker-content-digest");
  if (!response.ok || !digest) throw userError(`${repository} has no ${tag} (HTTP ${response.status})`);
  return digest;
}

/** @throws Error when the registry does not answer. */
export async function manifestExists(repository: string, reference: string): Promise<boolean> {
  return (await call(address(repository, reference), { method: "HEAD", headers: { accept: MANIFESTS } })).ok;
}

/** Whether the registry of a repository answers. */
export async function registryAnswers(repository: string): Promise<boolean> {
  return call(`http://${repository.split("/")[0]}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Gives an image that is in the registry one more tag; no operation if it has that tag. */
export async function tag(repository: string, digest: string, name: string): Promise<void> {
  const manifest = await call(address(repository, digest), { headers: { accept: MANIFESTS } });
  if (!manifest.ok) throw userError(`${repository} has no ${digest} (HTTP ${manifest.status})`);
  const response = await call(address(repository, name), {
    method: "PUT",
    headers: { "content-type": manifest.headers.get("content-type") ?? "" },
    body: Buffer.from(await manifest.arrayBuffer()),
  });
  if (!response.ok) throw userError(`${repository} refuses the tag ${name} (HTTP ${response.status})`);
}
