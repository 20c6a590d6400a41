/** What a price is for. The price list calls it a product. */
export interface Product {
  /** What is billed, as the cost names it. */
  what: string;
  unit: Unit;
  /** Offer code of the AWS Price List: the folder of its files. */
  offer: string;
  /** Usage type without the prefix of the region. `*` stands for a type, as in `BoxUsage:g6.xlarge`: each type has a price of its own. */
  usageType: string;
  /** Default: every operation, which all must have the same price. */
  operation?: string;
  /** Column `Access Type`. */
  accessType?: "Read" | "Write";
}

/** Number of hours in a month, as the AWS Pricing Calculator counts them. */
export const HOURS_PER_MONTH = 730;

/** Units of prices. `perMonth`: how often the unit is billed in a month. `listed`: what the unit is called in the price list, where it varies. */
export const UNITS = {
  hour: { perMonth: HOURS_PER_MONTH, listed: /h(ou)?rs?$/i },
  month: { perMonth: 1, listed: /./ },
  "GB-month": { perMonth: 1, listed: /^GB-?mo/i },
  "GiB/s-month": { perMonth: 1, listed: /^GiBps-mo/i },
  GB: { perMonth: 1, listed: /^(GB|gigabytes)$/i },
  request: { perMonth: 1, listed: /./ },
} as const satisfies Record<string, { perMonth: number; listed: RegExp }>;

export type Unit = keyof typeof UNITS;

/**
 * The products that the stacks use. Offers, usage types and operations are those of the AWS Price List:
 * https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
 * Usage types of EFS: https://docs.aws.amazon.com/efs/latest/ug/metering.html
 */
export const PRODUCTS = {
  instance: {
    what: "GPU instance",
    unit: "hour",
    offer: "AmazonEC2",
    usageType: "BoxUsage:*",
    operation: "RunInstances",
  },
  "gp3-storage": {
    what: "gp3 volume of a GPU instance, storage",
    unit: "GB-month",
    offer: "AmazonEC2",
    usageType: "EBS:VolumeUsage.gp3",
  },
  "gp3-throughput": {
    what: "gp3 volume of a GPU instance, throughput",
    unit: "GiB/s-month",
    offer: "AmazonEC2",
    usageType: "EBS:VolumeP-Throughput.gp3",
  },
  "gp3-iops": {
    what: "gp3 volume of a GPU instance, IOPS",
    unit: "month",
    offer: "AmazonEC2",
    usageType: "EBS:VolumeP-IOPS.gp3",
  },
  "fargate-vcpu": {
    what: "Fargate vCPU",
    unit: "hour",
    offer: "AmazonECS",
    usageType: "Fargate-vCPU-Hours:perCPU",
  },
  "fargate-memory": { what: "Fargate GB", unit: "hour", offer: "AmazonECS", usageType: "Fargate-GB-Hours" },
  "redis-node": {
    what: "Redis node",
    unit: "hour",
    offer: "AmazonElastiCache",
    usageType: "NodeUsage:*",
    operation: "CreateCacheCluster:Valkey",
  },
  "redis-snapshots": {
    what: "Redis snapshots, except the newest",
    unit: "GB-month",
    offer: "AmazonElastiCache",
    usageType: "ElastiCache:BackupUsage",
  },
  "nat-gateway": { what: "NAT gateway", unit: "hour", offer: "AmazonEC2", usageType: "NatGateway-Hours" },
  "nat-gateway-data": {
    what: "data through NAT gateways",
    unit: "GB",
    offer: "AmazonEC2",
    usageType: "NatGateway-Bytes",
  },
  "vpc-endpoint": {
    what: "interface endpoint in a zone",
    unit: "hour",
    offer: "AmazonVPC",
    usageType: "VpcEndpoint-Hours",
  },
  "vpc-endpoint-data": {
    what: "data through interface endpoints",
    unit: "GB",
    offer: "AmazonVPC",
    usageType: "VpcEndpoint-Bytes",
  },
  "public-ipv4": {
    what: "public IPv4 address",
    unit: "hour",
    offer: "AmazonVPC",
    usageType: "PublicIPv4:InUseAddress",
  },
  "load-balancer": {
    what: "load balancer",
    unit: "hour",
    offer: "AWSELB",
    usageType: "LoadBalancerUsage",
    operation: "LoadBalancing:Application",
  },
  "load-balancer-capacity": {
    what: "capacity units of the load balancer (LCU)",
    unit: "hour",
    offer: "AWSELB",
    usageType: "LCUUsage",
    operation: "LoadBalancing:Application",
  },
  "web-acl": { what: "web ACL", unit: "month", offer: "awswaf", usageType: "WebACLV2" },
  "web-acl-rule": { what: "rule of a web ACL", unit: "month", offer: "awswaf", usageType: "RuleV2" },
  "web-acl-requests": {
    what: "requests to a web ACL",
    unit: "request",
    offer: "awswaf",
    usageType: "RequestV2-Tier1",
  },
  "kms-key": { what: "KMS key", unit: "month", offer: "awskms", usageType: "KMS-Keys" },
  "kms-requests": { what: "requests to KMS", unit: "request", offer: "awskms", usageType: "KMS-Requests" },
  secret: {
    what: "secret",
    unit: "month",
    offer: "AWSSecretsManager",
    usageType: "AWSSecretsManager-Secrets",
  },
  "secret-requests": {
    what: "requests to Secrets Manager",
    unit: "request",
    offer: "AWSSecretsManager",
    usageType: "AWSSecretsManagerAPIRequest",
  },
  alarm: { what: "CloudWatch alarm", unit: "month", offer: "AmazonCloudWatch", usageType: "CW:AlarmMonitorUsage" },
  // For dashboards with at most 50 metrics. Those with more have another usage type.
  dashboard: {
    what: "CloudWatch dashboard",
    unit: "month",
    offer: "AmazonCloudWatch",
    usageType: "DashboardsUsageHour-Basic",
  },
  metric: {
    what: "CloudWatch metric",
    unit: "month",
    offer: "AmazonCloudWatch",
    usageType: "CW:MetricMonitorUsage",
  },
  "log-ingestion": {
    what: "logs, ingestion",
    unit: "GB",
    offer: "AmazonCloudWatch",
    usageType: "DataProcessing-Bytes",
    operation: "PutLogEvents",
  },
  "log-storage": {
    what: "logs, storage",
    unit: "GB-month",
    offer: "AmazonCloudWatch",
    usageType: "TimedStorage-ByteHrs",
  },
  "vended-logs": {
    what: "VPC flow logs and WAF logs, ingestion",
    unit: "GB",
    offer: "AmazonCloudWatch",
    usageType: "VendedLog-Bytes",
  },
  "efs-storage": {
    what: "model volume (EFS), storage",
    unit: "GB-month",
    offer: "AmazonEFS",
    usageType: "TimedStorage-ByteHrs",
  },
  "efs-reads": {
    what: "model volume (EFS), reads",
    unit: "GB",
    offer: "AmazonEFS",
    usageType: "ETDataAccess-Bytes",
    accessType: "Read",
  },
  "efs-writes": {
    what: "model volume (EFS), writes",
    unit: "GB",
    offer: "AmazonEFS",
    usageType: "ETDataAccess-Bytes",
    accessType: "Write",
  },
  "s3-storage": { what: "S3 storage", unit: "GB-month", offer: "AmazonS3", usageType: "TimedStorage-ByteHrs" },
  "s3-writes": {
    what: "S3 requests that write or list",
    unit: "request",
    offer: "AmazonS3",
    usageType: "Requests-Tier1",
  },
  "s3-reads": { what: "S3 requests that read", unit: "request", offer: "AmazonS3", usageType: "Requests-Tier2" },
  "ecr-storage": { what: "images in ECR", unit: "GB-month", offer: "AmazonECR", usageType: "TimedStorage-ByteHrs" },
  email: { what: "alarms by email", unit: "request", offer: "AmazonSNS", usageType: "DeliveryAttempts-SMTP" },
} as const satisfies Record<string, Product>;

export type ProductName = keyof typeof PRODUCTS;

/** Key of a price: a product, with its type if each type has a price of its own, as in `instance:g6.xlarge`. */
export type PriceKey = ProductName | `${ProductName}:${string}`;

/** The product of a key. @throws TypeError if there is no such product. */
export function productOf(key: string): Product {
  const [name] = key.split(":");
  if (!Object.hasOwn(PRODUCTS, name)) throw new TypeError(`unknown product: ${name}`);
  return PRODUCTS[name as ProductName];
}
