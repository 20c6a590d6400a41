import { localRepository, Registry } from "../../../stack/registry/registry";
import { releaseOfTag } from "../../../stack/registry/tags";

/** Milliseconds for the list of tags. */
const TIMEOUT_MS = 5000;

/**
 * The release of each digest that the registry on this machine has. Empty if the registry does not answer: its container is then not healthy.
 * Of several releases with the same image, an arbitrary one counts: the registry has no times.
 */
export async function localReleases(registryPort: number): Promise<Map<string, string>> {
  const repository = localRepository(registryPort);
  const url = `http://${repository.replace("/", "/v2/")}/tags/list`;
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => undefined);
  if (!response?.ok) return new Map();
  const { tags } = (await response.json()) as { tags: string[] | null };
  const registry = new Registry(repository);
  const released = (tags ?? []).filter((tag) => releaseOfTag(tag));
  const entries = released.map(async (tag) => [(await registry.digest(tag)) ?? "", releaseOfTag(tag) ?? ""] as const);
  return new Map(await Promise.all(entries));
}
