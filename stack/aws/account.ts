import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IMAGES } from "../images/table";
import type { Problem } from "../settings/parse";
import type { Settings } from "../settings/schema";
import { identity } from "./identity";
import { releases } from "./releases";
import { stackName } from "./name";

/** Settings of the provider for its credentials that the AWS SDK does not take. */
const PROVIDER_ONLY = [
  "accessKey",
  "assumeRoles",
  "assumeRoleWithWebIdentity",
  "sharedConfigFiles",
  "sharedCredentialsFiles",
];

/** What only the AWS account can tell: whether there are credentials, and whether it has the release. */
export async function accountProblems(settings: Settings): Promise<Problem[]> {
  if (!aws.config.region && !process.env.AWS_REGION && !process.env.AWS_DEFAULT_REGION) {
    return [problem("no region is set: `pulumi config set aws:region us-east-1`")];
  }
  const provider = new pulumi.Config("aws");
  const own = PROVIDER_ONLY.filter((key) => provider.get(key)).map((key) =>
    problem(
      `only the provider takes aws:${key}, and a rollout asks ECS by itself: put it into a profile, and \`pulumi config set aws:profile NAME\``,
    ),
  );
  if (own.length) return own;
  try {
    // By the provider itself: the credentials that it takes are the ones that count.
    await identity();
  } catch (error) {
    const why = reason(error as Error);
    return [
      problem(`AWS does not take the credentials (${why}): sign in, as with \`aws sso login\`, or set AWS_PROFILE`),
    ];
  }
  return settings.release ? releaseProblems(settings.release) : [];
}

const problem = (remedy: string): Problem => ({ key: "platform", value: "aws", remedy });

/** The provider's own reason, without the call that it made and the pages that it names. */
const reason = ({ message }: Error): string =>
  message
    .split("\n")[0]
    .replace(/^invocation of \S+ returned an error: /, "")
    .replace(/: Please see .*/, "");

async function releaseProblems(release: string): Promise<Problem[]> {
  const has = await releases();
  if (has.some(({ id, images }) => id === release && images === IMAGES.length)) return [];
  const newest = has.slice(0, 5).map(({ id }) => id);
  return [
    {
      key: "release",
      value: release,
      remedy: `the ECR repository ${stackName()} has no such release${newest.length ? `: its newest are ${newest.join(", ")}` : ""}; build instead with \`pulumi config rm spatialforge:release\``,
    },
  ];
}
