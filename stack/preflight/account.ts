import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { callerIdentity } from "../clients/aws-identity";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { IMAGES } from "../images/catalog";
import type { Promotion } from "../images/promotion";
import { stackName } from "../pulumi/stack-name";
import { ecrReleases, type EcrRelease } from "../registry/ecr-releases";
import { deployedCapacity, type DeployedCapacity } from "./deployed";
import { deployedServiceProblems } from "./deployed-services";
import { partitionProblems } from "./partition";
import { quotaProblems } from "./quotas";
import { availabilityZones } from "./zones";

/** Credential settings of the Pulumi provider that the AWS SDK does not read. */
const PROVIDER_ONLY = [
  "accessKey",
  "assumeRoles",
  "assumeRoleWithWebIdentity",
  "sharedConfigFiles",
  "sharedCredentialsFiles",
];

/** What the preflight checks find in the AWS account. */
export interface Account {
  problems: Problem[];
  /** Availability Zones of the subnets. Complete if there are no problems. */
  availabilityZones: string[];
  /** What the last update promoted. */
  promotion?: Promotion;
}

/** Checks the region, the credentials, the partition, the deployed services, the release, the zones, and the quotas. */
export async function inspectAccount(settings: Settings): Promise<Account> {
  const failed = (...problems: Problem[]): Account => ({ problems, availabilityZones: [] });
  const unusable = regionProblems();
  if (unusable.length) return failed(...unusable);
  // At the same time: the provider takes about 2 s to start.
  const [identity, deployed] = await Promise.all([identityProblems(), readState()]);
  if (identity.length) return failed(...identity);
  if ("remedy" in deployed) return failed(deployed);
  const [chosen, quotas, release] = await Promise.all([
    availabilityZones(settings.aws, deployed).catch((error: Error) => ({
      zones: [],
      problems: [problem(`the zones of the region cannot be read: ${providerReason(error)}`)],
    })),
    quotaProblems(settings.aws, deployed),
    settings.release ? releaseProblems(settings.release) : [],
  ]);
  const moved = deployedServiceProblems(settings.aws, deployed);
  const problems = [...moved, ...release, ...chosen.problems, ...quotas];
  return { problems, availabilityZones: chosen.zones, promotion: deployed.promotion };
}

async function readState(): Promise<DeployedCapacity | Problem> {
  try {
    return await deployedCapacity();
  } catch (error) {
    return problem(
      `the state of the stack cannot be read (${providerReason(error as Error)}): update the Pulumi CLI, or check the backend`,
    );
  }
}

function regionProblems(): Problem[] {
  // The provider also reads AWS_REGION and AWS_DEFAULT_REGION, and so does this property.
  if (!aws.config.region) {
    return [problem("no region is set: `pulumi config set aws:region us-east-1`")];
  }
  const provider = new pulumi.Config("aws");
  return PROVIDER_ONLY.filter((key) => provider.get(key)).map((key) =>
    problem(
      `aws:${key} is read by the Pulumi provider only; the rollout check uses the AWS SDK. Use a profile: \`pulumi config set aws:profile NAME\``,
    ),
  );
}

async function identityProblems(): Promise<Problem[]> {
  try {
    // The provider makes the call, because its credentials are the ones that create resources.
    const { arn } = await callerIdentity();
    return partitionProblems(arn);
  } catch (error) {
    const reason = providerReason(error as Error);
    return [
      problem(
        `AWS rejected the credentials (${reason}): sign in, for example with \`aws sso login\`, or set AWS_PROFILE`,
      ),
    ];
  }
}

const problem = (remedy: string): Problem => ({ key: "platform", value: "aws", remedy });

/** The reason in an error of the provider, without the name of the call and without links to documentation. */
const providerReason = ({ message }: Error): string =>
  message
    .split("\n")[0]
    .replace(/^invocation of \S+ returned an error: /, "")
    .replace(/: Please see .*/, "");

async function releaseProblems(release: string): Promise<Problem[]> {
  const problem = (remedy: string): Problem[] => [{ key: "release", value: release, remedy }];
  let releases: EcrRelease[];
  try {
    releases = await ecrReleases();
  } catch (error) {
    const { name, message } = error as Error;
    return problem(
      `the releases in the ECR repository ${stackName()} cannot be read (${name}: ${message}): allow ecr:DescribeImages, or check the connection to ECR`,
    );
  }
  if (releases.some(({ id, imageCount }) => id === release && imageCount === IMAGES.length)) return [];
  const newest = releases.slice(0, 5).map(({ id }) => id);
  const known = newest.length ? `: its newest releases are ${newest.join(", ")}` : "";
  return problem(
    `the ECR repository ${stackName()} has no such release${known}; to build instead, run \`pulumi config rm spatialforge:release\``,
  );
}
