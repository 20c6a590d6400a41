import { IMAGES, type ImageName } from "../images/catalog";

const names = IMAGES.map(({ name }) => name).join("|");

/** Tag of an image in a release. */
export const releaseTag = (release: string, image: string): string => `release-${release}-${image}`;

const RELEASE_TAG = new RegExp(`^${releaseTag("(.+)", `(${names})`)}$`);

/** The release that a tag belongs to. Returns undefined if the tag is not a release tag. */
export const releaseOfTag = (tag: string): string | undefined => RELEASE_TAG.exec(tag)?.[1];

/** The release that a tag belongs to, and the image in it. Returns undefined if the tag is not a release tag. */
export function imageOfReleaseTag(tag: string): { release: string; image: ImageName } | undefined {
  const [, release, image] = RELEASE_TAG.exec(tag) ?? [];
  return release ? { release, image: image as ImageName } : undefined;
}

/** The first 12 digits of a digest, as tags and screens have it. @param digest - `sha256:...` */
export const shortDigest = (digest: string): string => digest.replace("sha256:", "").slice(0, 12);

/** A verified deployment of a release. */
export interface Deployment {
  release: string;
  /** Time at which it was recorded, in milliseconds since 1970. */
  time: number;
}

/**
 * Tag with the time of a deployment, in UTC and to the second, such as `deployed-20260302T141500Z-v1.2.0-3f2a9c01`. One image of the release has
 * it. A registry has no other time for it: the push time of an image stays the same when the image gets another tag.
 */
export const deploymentTag = ({ release, time }: Deployment): string =>
  `deployed-${new Date(time).toISOString().replace(/[-:]|\.\d+/g, "")}-${release}`;

const DEPLOYMENT_TAG = /^deployed-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(.+)$/;

/** The deployment that a tag records. Returns undefined if the tag is not a deployment tag. */
export function deploymentOfTag(tag: string): Deployment | undefined {
  const [, year, month, day, hours, minutes, seconds, release] = DEPLOYMENT_TAG.exec(tag) ?? [];
  if (!release) return undefined;
  return { release, time: Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`) };
}

/**
 * Tag that an image gets when it is built. A service can run an image before the release is recorded, and after an update that failed. Without
 * a tag, the lifecycle policy of ECR would delete the image.
 */
export const builtTag = (digest: string, image: string): string => `built-${shortDigest(digest)}-${image}`;

/** Whether a tag only keeps an image that is in no release: it was built, or verified on a kind of host. */
export const isTagOfImage = (tag: string): boolean => /^(built|verified)-/.test(tag);

/** Tag under which an image is pushed. It is the only tag that builds use as a cache. */
export const cacheTag = (image: string): string => `cache-${image}`;

/**
 * Tag that records where an image was verified. It contains the digest, because a tag exists once in a repository.
 * @param digest - of the image, as in `sha256:...`
 * @param role - role as which the image ran
 * @param host - ID of the AMI of the host, or {@link FARGATE}
 */
export const verifiedTag = (digest: string, role: string, host: string): string =>
  `verified-${shortDigest(digest)}-${role}-${host}`;

/** A verification of an image, as a tag of the image records it. */
export interface VerifiedTag {
  role: string;
  /** ID of the AMI of the host, or {@link FARGATE}. */
  host: string;
}

const VERIFIED_TAG = /^verified-([0-9a-f]{12})-(.+)-(ami-[^-]+|fargate)$/;

/** The verification of an image that a tag records. Returns undefined if the tag records none of this image. */
export function verificationOfTag(tag: string, digest: string): VerifiedTag | undefined {
  const [, prefix, role, host] = VERIFIED_TAG.exec(tag) ?? [];
  return prefix && digest.startsWith(`sha256:${prefix}`) ? { role, host } : undefined;
}

/** The host of tasks on Fargate. */
export const FARGATE = "fargate";
