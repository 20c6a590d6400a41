import type { ImageName } from "../images/catalog";
import { ecrImages, type EcrImage } from "./ecr-images";
import { deploymentOfTag, imageOfReleaseTag } from "./tags";

/** A release in the repository of a stack. */
export interface EcrRelease {
  id: string;
  /** Number of images that have a tag of the release. */
  imageCount: number;
  /** Digest of each image that has a tag of the release, as in `sha256:...`. */
  images: Partial<Record<ImageName, string>>;
  /** Time of its first deployment, in milliseconds since 1970. Undefined if none was recorded. */
  firstDeployedAt?: number;
  /** Time of its last deployment, in milliseconds since 1970. Undefined if none was recorded. */
  deployedAt?: number;
  /** Time at which the newest of its images was pushed, in milliseconds since 1970. */
  pushedAt: number;
}

/** The releases in the ECR repository of the stack, the last deployed one first. Empty if the repository does not exist yet. */
export const ecrReleases = async (): Promise<EcrRelease[]> => releasesOf(await ecrImages());

/** The releases of some images, the last deployed one first. Without a deployment, the push time counts. */
export function releasesOf(images: readonly EcrImage[]): EcrRelease[] {
  const releases = new Map<string, EcrRelease>();
  for (const { digest, tags, pushedAt } of images) {
    for (const { release: id, image } of tags.flatMap((tag) => imageOfReleaseTag(tag) ?? [])) {
      const known = releases.get(id) ?? { id, imageCount: 0, images: {}, pushedAt: 0 };
      known.imageCount += 1;
      known.images[image] = digest;
      known.pushedAt = Math.max(known.pushedAt, pushedAt);
      releases.set(id, known);
    }
  }
  for (const deployment of images.flatMap(({ tags }) => tags.map(deploymentOfTag))) {
    const release = deployment && releases.get(deployment.release);
    if (!release) continue;
    release.firstDeployedAt = Math.min(release.firstDeployedAt ?? Infinity, deployment.time);
    release.deployedAt = Math.max(release.deployedAt ?? 0, deployment.time);
  }
  const time = ({ deployedAt, pushedAt }: EcrRelease) => deployedAt ?? pushedAt;
  return [...releases.values()].sort((a, b) => time(b) - time(a));
}

/** A release that runs although a newer one was deployed before: somebody rolled back. */
export interface RolledBack {
  /** The release that was deployed last. */
  running: string;
  /** The newest release: the one that was deployed for the first time last. */
  newest: string;
}

/** Whether the last deployment was a rollback. @param releases - the last deployed one first */
export function rolledBack(releases: readonly EcrRelease[]): RolledBack | undefined {
  const deployed = releases.filter(({ firstDeployedAt }) => firstDeployedAt !== undefined);
  const [last] = deployed;
  const newest = deployed.reduce((a, b) => (b.firstDeployedAt! > a.firstDeployedAt! ? b : a), last);
  return last && newest !== last ? { running: last.id, newest: newest.id } : undefined;
}
