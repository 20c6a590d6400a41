import type { EcrImage } from "./ecr-images";
import type { Registry } from "./registry";
import { deploymentOfTag, releaseOfTag } from "./tags";

/** Requests at the same time. */
const CONCURRENCY = 10;

/**
 * The images of all releases in a registry that has no API of its own, such as the one on this machine, as `ecrImages()` returns them. Empty if
 * the repository does not exist yet. Such a registry does not tell when an image was pushed: the time is 0.
 */
export async function registryImages(registry: Registry): Promise<EcrImage[]> {
  const tags = ((await registry.tags()) ?? []).filter((tag) => releaseOfTag(tag) ?? deploymentOfTag(tag));
  const images = new Map<string, EcrImage>();
  for (let start = 0; start < tags.length; start += CONCURRENCY) {
    const page = tags.slice(start, start + CONCURRENCY);
    const digests = await Promise.all(page.map((tag) => registry.digest(tag)));
    for (const [index, digest] of digests.entries()) {
      if (!digest) continue; // removed since it was listed
      const image = images.get(digest) ?? { digest, tags: [], pushedAt: 0 };
      image.tags.push(page[index]);
      images.set(digest, image);
    }
  }
  return [...images.values()];
}
