/** The AWS SDK, for what the program asks by itself. Loaded where it is used: a preview needs none of it, and it takes its time. */
import * as aws from "@pulumi/aws";

// It warns of a later version of itself, and this one is pinned.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

/** Region and profile of the AWS provider; their default is the environment's. */
const config = () => ({ region: aws.config.region, profile: aws.config.profile });

export async function ecr() {
  const { DescribeImagesCommand, ECRClient } = await import("@aws-sdk/client-ecr");
  return { client: new ECRClient(config()), DescribeImagesCommand };
}

export async function ecs() {
  const sdk = await import("@aws-sdk/client-ecs");
  return { client: new sdk.ECSClient(config()), ...sdk };
}

export async function logs() {
  const { CloudWatchLogsClient, GetLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
  return { client: new CloudWatchLogsClient(config()), GetLogEventsCommand };
}
