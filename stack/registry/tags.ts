import { IMAGES } from "../images/catalog";

/** Tag of an image in a release. */
export const releaseTag = (release: string, image: string): string => `release-${release}-${image}`;

const RELEASE_TAG = new RegExp(`^${releaseTag("(.+)", `(?:${IMAGES.map(({ name }) => name).join("|")})`)}$`);

/** The release that a tag belongs to. Returns undefined if the tag is not a release tag. */
export const releaseOfTag = (tag: string): string | undefined => RELEASE_TAG.exec(tag)?.[1];

/** Tag under which an image is pushed. It is the only tag that builds use as a cache. */
export const cacheTag = (image: string): string => `cache-${image}`;
