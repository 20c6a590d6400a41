import { releasesOf } from "../../stack/registry/ecr-releases";
import type { EcrImage } from "../../stack/registry/ecr-images";
import { releaseOfTag } from "../../stack/registry/tags";

/**
 * The release that each role runs. A release is recorded after its deployment, and several releases can contain an image: the one that contains
 * all running images counts, and else the one that was deployed last.
 * @param digests - of the images that the roles run
 * @param images - those of the registry, with their tags
 */
export function runningReleases(
  digests: readonly (string | undefined)[],
  images: readonly EcrImage[],
): (string | undefined)[] {
  const order = releasesOf(images).map(({ id }) => id);
  const containing = (digest: string | undefined): string[] => {
    const tags = images.filter((image) => image.digest === digest).flatMap((image) => image.tags);
    const ids = new Set(tags.map(releaseOfTag));
    return order.filter((id) => ids.has(id));
  };
  const candidates = digests.map(containing);
  const running = candidates.filter((ids) => ids.length);
  const common = order.find((id) => running.length > 0 && running.every((ids) => ids.includes(id)));
  return candidates.map((ids) => (common && ids.includes(common) ? common : ids[0]));
}
