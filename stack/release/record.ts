import { createHash } from "node:crypto";
import type { ImageName } from "../images/table";
import { type Registry, releaseTag } from "./registry";

/** Digests of the three images, each as `repository@sha256:...`. */
export type Digests = Record<ImageName, string>;

/** A release's id: its origin (a ref, or a hash of the sources) and a hash of the digests, so that one id never means two things. */
export function releaseId(origin: string, images: Digests): string {
  const digests = Object.values(images).map(digestOf);
  return `${origin}-${createHash("sha256").update(digests.join()).digest("hex").slice(0, 8)}`;
}

/** What a release was made from, by its id. */
export const originOf = (release: string): string => release.replace(/-[^-]*$/, "");

/** Records a release, once it is proved: a tag for each of its images. No operation for one that is recorded. */
export async function recordRelease(registry: Registry, release: string, images: Digests): Promise<void> {
  for (const [name, image] of Object.entries(images)) await registry.tag(digestOf(image), releaseTag(release, name));
}

const digestOf = (image: string): string => image.split("@")[1];
