import type { ImageDigests } from "../images/catalog";
import { ecrImages, removeEcrTags, type EcrImage } from "./ecr-images";
import { releasesOf, type EcrRelease } from "./ecr-releases";
import type { Registry } from "./registry";
import { recordDeployment } from "./release";
import { deploymentOfTag, isTagOfImage, releaseOfTag, type Deployment } from "./tags";

/** Days after its push for which an image stays that is in no release. */
export const UNRELEASED_DAYS = 14;

const DAY_MS = 24 * 60 * 60 * 1000;

export interface RetentionArgs {
  registry: Registry;
  /** The release that was recorded. All services run it. */
  release: string;
  images: ImageDigests;
  /** Number of releases that stay, including this one. At least 2: tasks of the previous release can still be running. */
  retained: number;
}

/**
 * Records the time of a deployment in the ECR repository of the stack, and removes the tags of the releases beyond the limit. The release that
 * is deployed always stays, so no image that a service runs loses its last tag. A lifecycle policy of ECR cannot do this: it counts by push
 * time, and an image that runs can be the oldest.
 *
 * @returns why old releases remain. Undefined if none do. It is no reason to fail an update that is complete.
 */
export async function retainReleases(args: RetentionArgs): Promise<string | undefined> {
  try {
    const images = await deployedImages(args);
    const problems = await removeEcrTags(tagsToRemove(images, args.release, args.retained));
    return problems.length ? warning(problems.join(", ")) : undefined;
  } catch (error) {
    return warning((error as Error).message);
  }
}

const warning = (reason: string): string => `cannot remove old releases from the ECR repository: ${reason}`;

/** Records the deployment. Returns the images in the repository. */
async function deployedImages({ registry, release, images }: RetentionArgs): Promise<EcrImage[]> {
  const before = await ecrImages();
  const isNew = await recordDeployment(registry, release, images, before);
  return isNew ? ecrImages() : before;
}

/** The tags that keep no image which is still required. Tags that the program did not create stay. */
function tagsToRemove(images: readonly EcrImage[], current: string, retained: number): string[] {
  const releases = releasesOf(images).filter(({ id }, index) => id === current || index < retained);
  const kept = new Map<string, EcrRelease>(releases.map((release) => [release.id, release]));
  return images.flatMap(({ tags, pushedAt }) => {
    const isReleased = tags.some((tag) => kept.has(releaseOfTag(tag) ?? ""));
    const isOld = Date.now() - pushedAt > UNRELEASED_DAYS * DAY_MS;
    return tags.filter((tag) => {
      const release = releaseOfTag(tag);
      if (release) return !kept.has(release);
      const deployment = deploymentOfTag(tag);
      if (deployment) return !isFirstOrLast(deployment, kept.get(deployment.release));
      return isTagOfImage(tag) && !isReleased && isOld;
    });
  });
}

/** The first deployment of a release tells its age, and the last one whether it runs. */
const isFirstOrLast = ({ time }: Deployment, release?: EcrRelease): boolean =>
  time === release?.firstDeployedAt || time === release?.deployedAt;
