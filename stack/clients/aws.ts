/** AWS SDK clients for the calls that the program makes itself. Each is loaded on use: a preview needs none, except with a release, or if the
 * stack's quota needs differ from those of its last update. */
import { Config } from "../pulumi/internals";

/** Number of attempts of a call. They take about two minutes if AWS throttles it or cannot be reached. */
const MAXIMUM_ATTEMPTS = 10;

const clients = new Map<string, unknown>();

/**
 * The client of a service: a client resolves its credentials once, and keeps its connections. Region and profile are those of the AWS
 * provider. If one is not set, it is from the environment, as for the provider. The configuration is read without `@pulumi/aws`, which takes
 * about 1 s to load: scripts use these clients too.
 */
function shared<T>(Client: new (config: { region?: string; profile?: string; maxAttempts: number }) => T): T {
  const config = new Config("aws");
  const region = config.get("region") ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  const profile = config.get("profile");
  const key = [Client.name, region, profile].join();
  const client = (clients.get(key) as T | undefined) ?? new Client({ region, profile, maxAttempts: MAXIMUM_ATTEMPTS });
  clients.set(key, client);
  return client;
}

export async function autoScalingClient() {
  const sdk = await import("@aws-sdk/client-auto-scaling");
  return { client: shared(sdk.AutoScalingClient), ...sdk };
}

export async function cloudWatchClient() {
  const { CloudWatchClient, GetMetricDataCommand, paginateDescribeAlarms } = await import("@aws-sdk/client-cloudwatch");
  return { client: shared(CloudWatchClient), GetMetricDataCommand, paginateDescribeAlarms };
}

export async function ec2Client() {
  const { DescribeAddressesCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  return { client: shared(EC2Client), DescribeAddressesCommand };
}

export async function ecrClient() {
  const { BatchDeleteImageCommand, DescribeImageScanFindingsCommand, DescribeImagesCommand, ECRClient } =
    await import("@aws-sdk/client-ecr");
  const client = shared(ECRClient);
  return { client, BatchDeleteImageCommand, DescribeImageScanFindingsCommand, DescribeImagesCommand };
}

export async function ecsClient() {
  const sdk = await import("@aws-sdk/client-ecs");
  return { client: shared(sdk.ECSClient), ...sdk };
}

export async function logsClient() {
  const { CloudWatchLogsClient, GetLogEventsCommand, paginateFilterLogEvents } =
    await import("@aws-sdk/client-cloudwatch-logs");
  return { client: shared(CloudWatchLogsClient), GetLogEventsCommand, paginateFilterLogEvents };
}

export async function serviceQuotasClient() {
  const sdk = await import("@aws-sdk/client-service-quotas");
  return { client: shared(sdk.ServiceQuotasClient), ...sdk };
}
