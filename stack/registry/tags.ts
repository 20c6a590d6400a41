import { IMAGES } from "../images/catalog";

/** Tag of an image in a release. */
export const releaseTag = (release: string, image: string): string => `release-${release}-${image}`;

const RELEASE_TAG = new RegExp(`^${releaseTag("(.+)", `(?:${IMAGES.map(({ name }) => name).join("|")})`)}$`);

/** The release that a tag belongs to. Returns undefined if the tag is not a release tag. */
export const releaseOfTag = (tag: string): string | undefined => RELEASE_TAG.exec(tag)?.[1];

/** Tag under which an image is pushed. It is the only tag that builds use as a cache. */
export const cacheTag = (image: string): string => `cache-${image}`;

/**
 * Tag that records where an image was verified. It contains the digest, because a tag exists once in a repository.
 * @param digest - of the image, as in `sha256:...`
 * @param role - role as which the image ran
 * @param host - ID of the AMI of the host, or {@link FARGATE}
 */
export const verifiedTag = (digest: string, role: string, host: string): string =>
  `verified-${digest.replace("sha256:", "").slice(0, 12)}-${role}-${host}`;

/** The host of tasks on Fargate. */
export const FARGATE = "fargate";
