import {
  DescribeImagesCommand,
  ECRClient,
  ImageNotFoundException,
  RepositoryNotFoundException,
} from "@aws-sdk/client-ecr";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { IMAGES } from "../images/table";
import { releaseTag } from "../release/registry";
import type { Problem } from "../settings/parse";
import type { Settings } from "../settings/schema";
import { clientConfig } from "./client";
import { stackName } from "./name";

/** What only the AWS account can tell: whether there are credentials, and whether it has the release. */
export async function accountProblems(settings: Settings): Promise<Problem[]> {
  const config = clientConfig();
  if (!config.region && !process.env.AWS_REGION) {
    return [{ key: "platform", value: "aws", remedy: "no region is set: `pulumi config set aws:region us-east-1`" }];
  }
  try {
    await new STSClient(config).send(new GetCallerIdentityCommand({}));
  } catch (error) {
    const { name, message } = error as Error;
    return [
      {
        key: "platform",
        value: "aws",
        remedy: `AWS does not take the credentials (${name}: ${message}): sign in, as with \`aws sso login\`, or set AWS_PROFILE`,
      },
    ];
  }
  return settings.release ? releaseProblems(settings.release) : [];
}

async function releaseProblems(release: string): Promise<Problem[]> {
  const repositoryName = stackName();
  const imageIds = IMAGES.map(({ name }) => ({ imageTag: releaseTag(release, name) }));
  try {
    await new ECRClient(clientConfig()).send(new DescribeImagesCommand({ repositoryName, imageIds }));
    return [];
  } catch (error) {
    if (!(error instanceof ImageNotFoundException || error instanceof RepositoryNotFoundException)) throw error;
    return [
      {
        key: "release",
        value: release,
        remedy: `the ECR repository ${repositoryName} has no such release: take an id that an earlier update printed, or build with \`pulumi config rm spatialforge:release\``,
      },
    ];
  }
}

/** The number of releases that are newer than one, by the time of their push; nothing if the registry has it not. */
export async function newerReleases(release: string): Promise<number | undefined> {
  const client = new ECRClient(clientConfig());
  const pushed = new Map<string, number>();
  for (let nextToken: string | undefined; ;) {
    const page = await client.send(new DescribeImagesCommand({ repositoryName: stackName(), nextToken }));
    for (const { imageTags = [], imagePushedAt } of page.imageDetails ?? []) {
      for (const tag of imageTags) {
        const id = /^release-(.*)-cpu$/.exec(tag)?.[1];
        if (id) pushed.set(id, imagePushedAt?.getTime() ?? 0);
      }
    }
    if (!(nextToken = page.nextToken)) break;
  }
  const own = pushed.get(release);
  return own === undefined ? undefined : [...pushed.values()].filter((time) => time > own).length;
}
