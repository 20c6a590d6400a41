import { ecrImages, type EcrImage } from "./ecr-images";
import { deploymentOfTag, releaseOfTag } from "./tags";

/** A release in the ECR repository of the stack. */
export interface EcrRelease {
  id: string;
  /** Number of images that have a tag of the release. */
  imageCount: number;
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
  for (const { tags, pushedAt } of images) {
    for (const id of tags.map(releaseOfTag)) {
      if (!id) continue;
      const known = releases.get(id) ?? { id, imageCount: 0, pushedAt: 0 };
      known.imageCount += 1;
      known.pushedAt = Math.max(known.pushedAt, pushedAt);
      releases.set(id, known);
    }
  }
  for (const deployment of images.flatMap(({ tags }) => tags.map(deploymentOfTag))) {
    const release = deployment && releases.get(deployment.release);
    if (release) release.deployedAt = Math.max(release.deployedAt ?? 0, deployment.time);
  }
  const time = ({ deployedAt, pushedAt }: EcrRelease) => deployedAt ?? pushedAt;
  return [...releases.values()].sort((a, b) => time(b) - time(a));
}
