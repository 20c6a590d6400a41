import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { callerIdentity } from "../clients/aws-identity";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { IMAGES } from "../images/catalog";
import { stackName } from "../pulumi/stack-name";
import { ecrReleases } from "../registry/ecr-releases";
import { deployedServiceProblems } from "./deployed-services";
import { partitionProblems } from "./partition";

/** Credential settings of the Pulumi provider that the AWS SDK does not read. */
const PROVIDER_ONLY = [
  "accessKey",
  "assumeRoles",
  "assumeRoleWithWebIdentity",
  "sharedConfigFiles",
  "sharedCredentialsFiles",
];

/** Problems with the AWS account: region, credentials, partition, deployed services, and whether the registry has the release. */
export async function accountProblems(settings: Settings): Promise<Problem[]> {
  // The provider also reads AWS_REGION and AWS_DEFAULT_REGION, and so does this property.
  if (!aws.config.region) {
    return [problem("no region is set: `pulumi config set aws:region us-east-1`")];
  }
  const provider = new pulumi.Config("aws");
  const unsupported = PROVIDER_ONLY.filter((key) => provider.get(key)).map((key) =>
    problem(
      `aws:${key} is read by the Pulumi provider only; the rollout check uses the AWS SDK. Use a profile: \`pulumi config set aws:profile NAME\``,
    ),
  );
  if (unsupported.length) return unsupported;
  try {
    // The provider makes the call, because its credentials are the ones that create resources.
    const { arn } = await callerIdentity();
    const problems = partitionProblems(arn);
    if (problems.length) return problems;
  } catch (error) {
    const reason = providerReason(error as Error);
    return [
      problem(
        `AWS rejected the credentials (${reason}): sign in, for example with \`aws sso login\`, or set AWS_PROFILE`,
      ),
    ];
  }
  return [
    ...(await deployedServiceProblems(settings.aws)),
    ...(settings.release ? await releaseProblems(settings.release) : []),
  ];
}

const problem = (remedy: string): Problem => ({ key: "platform", value: "aws", remedy });

/** The reason in an error of the provider, without the name of the call and without links to documentation. */
const providerReason = ({ message }: Error): string =>
  message
    .split("\n")[0]
    .replace(/^invocation of \S+ returned an error: /, "")
    .replace(/: Please see .*/, "");

async function releaseProblems(release: string): Promise<Problem[]> {
  const releases = await ecrReleases();
  if (releases.some(({ id, imageCount }) => id === release && imageCount === IMAGES.length)) return [];
  const newest = releases.slice(0, 5).map(({ id }) => id);
  const known = newest.length ? `: its newest releases are ${newest.join(", ")}` : "";
  const remedy = `the ECR repository ${stackName()} has no such release${known}; to build instead, run \`pulumi config rm spatialforge:release\``;
  return [{ key: "release", value: release, remedy }];
}
