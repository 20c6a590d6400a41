import { ecrClient } from "../clients/aws";
import { stackName } from "../pulumi/stack-name";

/** An image in the ECR repository of the stack. */
export interface EcrImage {
  digest: string;
  tags: string[];
  /** Time at which it was pushed first, in milliseconds since 1970. Another push or another tag does not change it. */
  pushedAt: number;
}

/** Maximum number of image IDs in a request: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html */
const MAXIMUM_IDS = 100;

/** The images with a tag in the ECR repository of the stack. Empty if the repository does not exist yet. */
export async function ecrImages(): Promise<EcrImage[]> {
  const { client, DescribeImagesCommand } = await ecrClient();
  const images: EcrImage[] = [];
  let nextToken: string | undefined;
  do {
    const page = await client
      .send(new DescribeImagesCommand({ repositoryName: stackName(), nextToken, filter: { tagStatus: "TAGGED" } }))
      .catch((error: Error) => {
        if (error.name === "RepositoryNotFoundException") return { imageDetails: [], nextToken: undefined };
        throw error;
      });
    for (const { imageDigest = "", imageTags = [], imagePushedAt } of page.imageDetails ?? []) {
      images.push({ digest: imageDigest, tags: imageTags, pushedAt: imagePushedAt?.getTime() ?? 0 });
    }
    nextToken = page.nextToken;
  } while (nextToken);
  return images;
}

/**
 * Removes tags from the ECR repository of the stack. ECR deletes an image when its last tag is removed.
 * @returns the tags that ECR did not remove, each with the reason
 */
export async function removeEcrTags(tags: readonly string[]): Promise<string[]> {
  const { client, BatchDeleteImageCommand } = await ecrClient();
  const problems: string[] = [];
  for (let start = 0; start < tags.length; start += MAXIMUM_IDS) {
    const imageIds = tags.slice(start, start + MAXIMUM_IDS).map((imageTag) => ({ imageTag }));
    const { failures = [] } = await client.send(new BatchDeleteImageCommand({ repositoryName: stackName(), imageIds }));
    for (const { imageId, failureCode, failureReason } of failures) {
      if (failureCode !== "ImageNotFound") problems.push(`${imageId?.imageTag}: ${failureReason}`);
    }
  }
  return problems;
}
