/** AWS SDK clients for the calls that the program makes itself. Each is loaded on use: a preview needs none, except with a release, or if the
 * stack needs more of a quota than at its last update. */
import * as aws from "@pulumi/aws";

/** Region and profile of the AWS provider. If one is not set, the SDK reads it from the environment, as the provider does. */
const config = () => ({ region: aws.config.region, profile: aws.config.profile });

export async function autoScalingClient() {
  const sdk = await import("@aws-sdk/client-auto-scaling");
  return { client: new sdk.AutoScalingClient(config()), ...sdk };
}

export async function ec2Client() {
  const { DescribeAddressesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  return { client: new EC2Client(config()), DescribeAddressesCommand };
}

export async function ecrClient() {
  const { BatchDeleteImageCommand, DescribeImagesCommand, ECRClient } = await import("@aws-sdk/client-ecr");
  return { client: new ECRClient(config()), BatchDeleteImageCommand, DescribeImagesCommand };
}

export async function ecsClient() {
  const sdk = await import("@aws-sdk/client-ecs");
  return { client: new sdk.ECSClient(config()), ...sdk };
}

export async function logsClient() {
  const { CloudWatchLogsClient, GetLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
  return { client: new CloudWatchLogsClient(config()), GetLogEventsCommand };
}

export async function serviceQuotasClient() {
  const sdk = await import("@aws-sdk/client-service-quotas");
  return { client: new sdk.ServiceQuotasClient(config()), ...sdk };
}
