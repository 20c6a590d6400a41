import { ecrClient } from "../clients/aws";
import { stackName } from "../pulumi/stack-name";
import { releaseOfTag } from "./tags";

/** A release in the ECR repository of the stack. */
export interface EcrRelease {
  id: string;
  /** Number of images that have a tag of the release. */
  imageCount: number;
  /** Time at which the newest of these images was pushed, in milliseconds since 1970. */
  pushedAt: number;
}

/** The releases in the ECR repository of the stack, the newest first. Empty if the repository does not exist yet. */
export async function ecrReleases(): Promise<EcrRelease[]> {
  const { client, DescribeImagesCommand } = await ecrClient();
  const releases = new Map<string, EcrRelease>();
  let nextToken: string | undefined;
  do {
    const page = await client
      .send(new DescribeImagesCommand({ repositoryName: stackName(), nextToken, filter: { tagStatus: "TAGGED" } }))
      .catch((error: Error) => {
        if (error.name === "RepositoryNotFoundException") return { imageDetails: [], nextToken: undefined };
        throw error;
      });
    for (const { imageTags = [], imagePushedAt } of page.imageDetails ?? []) {
      for (const tag of imageTags) {
        const id = releaseOfTag(tag);
        if (!id) continue;
        const { imageCount, pushedAt } = releases.get(id) ?? { imageCount: 0, pushedAt: 0 };
        const newest = Math.max(pushedAt, imagePushedAt?.getTime() ?? 0);
        releases.set(id, { id, imageCount: imageCount + 1, pushedAt: newest });
      }
    }
    nextToken = page.nextToken;
  } while (nextToken);
  return [...releases.values()].sort((a, b) => b.pushedAt - a.pushedAt);
}
