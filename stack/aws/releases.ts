import { stackName } from "./name";
import { releaseOf } from "../release/registry";
import { ecr } from "./clients";

/** A release in the stack's ECR repository. */
export interface Release {
  id: string;
  /** How many of its images there are. */
  images: number;
  /** When the newest of them was pushed, in ms. */
  pushed: number;
}

/** The releases that the registry has, the newest first; none if there is no repository yet. */
export async function releases(): Promise<Release[]> {
  const { client, DescribeImagesCommand } = await ecr();
  const found = new Map<string, Release>();
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
        const id = releaseOf(tag);
        if (!id) continue;
        const { images, pushed } = found.get(id) ?? { images: 0, pushed: 0 };
        found.set(id, { id, images: images + 1, pushed: Math.max(pushed, imagePushedAt?.getTime() ?? 0) });
      }
    }
    nextToken = page.nextToken;
  } while (nextToken);
  return [...found.values()].sort((a, b) => b.pushed - a.pushed);
}
