/** The few calls of the OCI distribution API that a release needs. */
import type { Settings } from "../settings/schema";

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

function address(repository: string, reference: string): string {
  const slash = repository.indexOf("/");
  return `http://${repository.slice(0, slash)}/v2/${repository.slice(slash + 1)}/manifests/${reference}`;
}

/** The digest behind a tag. @throws Error when the registry has no such tag or does not answer. */
export async function digestOf(repository: string, tag: string): Promise<string> {
  const response = await fetch(address(repository, tag), { method: "HEAD", headers: { accept: MANIFESTS } });
  const digest = response.headers.get("docker-content-digest");
  if (!response.ok || !digest) throw new Error(`${repository} has no ${tag} (HTTP ${response.status})`);
  return digest;
}

/** @throws Error when the registry does not answer. */
export async function manifestExists(repository: string, reference: string): Promise<boolean> {
  return (await fetch(address(repository, reference), { method: "HEAD", headers: { accept: MANIFESTS } })).ok;
}

/** Gives an image that is in the registry one more tag; no operation if it has that tag. */
export async function tag(repository: string, digest: string, name: string): Promise<void> {
  const manifest = await fetch(address(repository, digest), { headers: { accept: MANIFESTS } });
  if (!manifest.ok) throw new Error(`${repository} has no ${digest} (HTTP ${manifest.status})`);
  const response = await fetch(address(repository, name), {
    method: "PUT",
    headers: { "content-type": manifest.headers.get("content-type") ?? "" },
    body: Buffer.from(await manifest.arrayBuffer()),
  });
  if (!response.ok) throw new Error(`${repository} refuses the tag ${name} (HTTP ${response.status})`);
}
