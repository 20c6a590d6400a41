import { createHash } from "node:crypto";
import type { ImageDigests } from "../images/catalog";
import type { EcrImage } from "./ecr-images";
import { releasesOf } from "./ecr-releases";
import type { Registry } from "./registry";
import { deploymentTag, releaseTag } from "./tags";

/** ID of a release: its source (a ref, or a hash of the source files) and a hash of the digests, so that an ID is never reused. */
export function releaseId(source: string, images: ImageDigests): string {
  const digests = Object.values(images).map(imageDigest);
  return `${source}-${createHash("sha256").update(digests.join()).digest("hex").slice(0, 8)}`;
}

/** The source part of a release ID. */
export const sourceOfRelease = (release: string): string => release.replace(/-[^-]*$/, "");

/** Records a verified release: adds a tag to each image. Does nothing if the release is already recorded. */
export async function recordRelease(registry: Registry, release: string, images: ImageDigests): Promise<void> {
  for (const [name, image] of Object.entries(images)) await registry.tag(imageDigest(image), releaseTag(release, name));
}

/**
 * Records the time of a deployment: adds a tag with the current time to an image of the release. Does nothing if the release is the last
 * deployed one.
 *
 * @param before - the images in the repository, before the tag
 * @returns whether it added a tag
 */
export async function recordDeployment(
  registry: Registry,
  release: string,
  images: ImageDigests,
  before: readonly EcrImage[],
): Promise<boolean> {
  const [last] = releasesOf(before);
  if (last?.id === release && last.deployedAt) return false;
  await registry.tag(imageDigest(Object.values(images)[0]), deploymentTag({ release, time: Date.now() }));
  return true;
}

/** The digest of an image. @param image - `repository@sha256:...` */
export const imageDigest = (image: string): string => image.split("@")[1];
