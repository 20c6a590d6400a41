import { z } from "zod";
import { APPLICATION } from "../app/application";
import { AMI_NAME } from "../aws/compute/ami";
import { SEVERITIES } from "./image-scan";
import { DEFAULT_SHARED_MEMORY_MIB } from "./shared-memory";
import { ROLES, type Role, type ScaledRoleName } from "../roles";

const integer = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

/** Source: PutRetentionPolicy, https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
export const LOG_RETENTION_DAYS: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** @param values - in addition to those of CloudWatch Logs */
const logRetention = (...values: number[]) => {
  const allowed = [...values, ...LOG_RETENTION_DAYS];
  return z.int().refine((days) => allowed.includes(days), `CloudWatch Logs keeps logs for ${allowed.join(", ")} days`);
};

/** `A.B.C.D/P`. The rules check whether it is a valid CIDR block. */
const cidrBlock = z
  .string()
  .regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "a CIDR block is an IPv4 address and a prefix length, as in 10.40.0.0/16");

const network = z.strictObject({
  cidrBlock: cidrBlock.default("10.40.0.0/16").describe("CIDR block of the VPC, /16 to /20"),
  reservedCidrBlocks: z
    .array(cidrBlock)
    .default(["172.17.0.0/16"])
    .describe("CIDR blocks that the VPC must not overlap: Docker's on the instances, and those of peered networks"),
  availabilityZones: integer(2, 3)
    .default(2)
    .describe("Number of Availability Zones, each of which offers one of the instance types"),
  natGatewayPerZone: z.boolean().default(false).describe("One NAT gateway in each zone, instead of one for all zones"),
  vpcEndpoints: z
    .boolean()
    .default(false)
    .describe("Interface endpoints for ECR, CloudWatch Logs, and Secrets Manager"),
  flowLogRetentionDays: logRetention(0).default(0).describe("Retention of the VPC flow logs in days; 0: no flow logs"),
});

const gpu = z.strictObject({
  instanceTypes: z.array(z.string()).min(1).default(["g5.xlarge"]).describe("EC2 instance types of the GPU instances"),
  maxInstances: integer(1, 500).default(2).describe("Maximum number of GPU instances"),
  onDemandBaseCapacity: integer(0, 500)
    .default(0)
    .describe("Number of GPU instances that are always on-demand when spot is true"),
  spot: z.boolean().default(false).describe("Use spot instances above the on-demand base capacity"),
  volumeSize: integer(100, 16_384).default(200).describe("Size of the root volume of a GPU instance in GiB"),
  amiName: z
    .union([z.literal(""), z.string().regex(AMI_NAME, "an AMI name looks like al2023-ami-ecs-gpu-hvm-...-x86_64-ebs")])
    .default("")
    .describe("Name of the ECS GPU AMI, updated by `npm run lock -- --ami`; empty: the latest AMI"),
});

/** Settings of a scaled role. The flags of the role decide which settings it has. */
const service = ({ gpu: usesGpu, loadBalanced, queues, aws: defaults }: Role) =>
  z.strictObject({
    ...(usesGpu === "optional" && {
      gpu: z.boolean().default(false).describe("GPU image on a GPU instance, instead of the CPU image on Fargate"),
    }),
    cpu: integer(256, 192 * 1024)
      .default(defaults.cpu)
      .describe("CPU units of a task, 1024 for one vCPU"),
    memory: integer(512, 1536 * 1024)
      .default(defaults.memory)
      .describe("Memory of a task in MiB"),
    sharedMemorySize: integer(1, 1536 * 1024)
      .default(DEFAULT_SHARED_MEMORY_MIB)
      .describe("Size of /dev/shm of a task on a GPU instance in MiB"),
    gpuMemory: integer(0, 200_000).default(0).describe("GPU memory that a task needs in MiB; 0: not checked"),
    // A load balancer without a healthy target returns 503, so a load-balanced role always has one.
    minTasks: integer(loadBalanced ? 1 : 0, 100)
      .default(defaults.minTasks)
      .describe("Minimum number of tasks"),
    maxTasks: integer(1, 100).default(defaults.maxTasks).describe("Maximum number of tasks"),
    ...(loadBalanced && {
      requestsPerTarget: integer(1, 1_000_000)
        .default(300)
        .describe("Requests per minute and task, above which a task is added"),
      p95Latency: integer(1, APPLICATION.maximumRequestSeconds)
        .default(APPLICATION.maximumRequestSeconds / 2)
        .describe("Seconds; if 5 % of the requests take longer, an alarm reports it, and a deployment is rolled back"),
    }),
    ...(queues.length > 0 && {
      backlogPerTask: integer(1, 10_000)
        .default(4)
        .describe("Waiting and running jobs per task, above which a task is added"),
      stopTimeout: integer(30, 7200)
        .default(defaults.stopTimeout)
        .describe("Seconds that a stopping task has to finish its job"),
    }),
  });

const redis = z.strictObject({
  nodeType: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, "a node type looks like cache.t4g.small")
    .default("cache.t4g.small")
    .describe("ElastiCache node type"),
  nodes: integer(1, 6)
    .default(1)
    .describe("Number of nodes, each in its own zone; 2 or more enable automatic failover"),
  snapshotRetentionDays: integer(1, 35).default(1).describe("Retention of the daily snapshots in days"),
  snapshotName: z.string().default("").describe("Snapshot to restore from"),
});

const bucket = z.strictObject({
  expirationDays: integer(1, 3653).default(7).describe("Days after which results are deleted"),
  accessKeyVersion: integer(1, 1_000_000)
    .default(1)
    .describe("Version of the IAM access key that tasks use; a new version creates a new key"),
  deletedAccessKeyVersion: integer(0, 1_000_000)
    .default(0)
    .describe("Access keys up to this version are deleted, and the URLs that they signed become invalid"),
  corsOrigins: z.array(z.string()).default([]).describe("Origins of web pages that may read results"),
});

const loadBalancer = z.strictObject({
  certificateArn: z
    .string()
    .regex(/^(arn:aws[a-z-]*:acm:.*)?$/, "a certificate is an ACM certificate ARN")
    .default("")
    .describe("ACM certificate for HTTPS"),
  domainName: z
    .string()
    .default("")
    .describe("Domain name of the service; with hostedZoneId a certificate is requested for it"),
  hostedZoneId: z.string().default("").describe("Route 53 hosted zone of the domain name"),
  allowHttp: z.boolean().default(false).describe("Plain HTTP if there is no certificate"),
  publicPaths: z
    .array(z.string())
    .min(1, "add at least one path, or remove the setting")
    .optional()
    .describe("Patterns of the public paths; default: those of the application"),
  waf: z.boolean().default(false).describe("AWS WAF in front of the load balancer"),
});

const imageScan = z.strictObject({
  maxSeverity: z
    .enum(["off", ...SEVERITIES])
    .default("off")
    .describe("Highest severity of ECR's scan findings with which a new image is deployed; off: not checked"),
  acceptedFindings: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[\w.:-]+$/, "the ID of a finding, as in CVE-2026-1234"),
        reason: z.string().min(1, "say why the finding is accepted"),
        expires: z.string().regex(/^\d{4}-\d\d-\d\d$/, "a date in quotes, as in '2026-12-31'"),
      }),
    )
    .default([])
    .describe("Findings that are deployed in spite of their severity, each `{ id, reason, expires: 'YYYY-MM-DD' }`"),
});

const sections = {
  network: network.prefault({}),
  gpu: gpu.prefault({}),
  redis: redis.prefault({}),
  bucket: bucket.prefault({}),
  loadBalancer: loadBalancer.prefault({}),
  imageScan: imageScan.prefault({}),
};

/** Settings of a scaled role on AWS. The schema above has their units. */
export interface ServiceSettings {
  gpu?: boolean;
  cpu: number;
  memory: number;
  sharedMemorySize: number;
  gpuMemory: number;
  minTasks: number;
  maxTasks: number;
  requestsPerTarget?: number;
  p95Latency?: number;
  backlogPerTask?: number;
  stopTimeout?: number;
}

const services = Object.fromEntries(ROLES.filter(({ scaled }) => scaled).map((role) => [role.name, service(role)]));

// TypeScript cannot infer the type of an object that is created from a table.
const serviceSections = Object.fromEntries(
  Object.entries(services).map(([name, schema]) => [name, schema.prefault({})]),
) as unknown as Record<ScaledRoleName, z.ZodPrefault<z.ZodType<ServiceSettings, Partial<ServiceSettings>>>>;

/** The settings of the platform `aws`. */
export const awsSettingsSchema = z.strictObject({
  ...sections,
  ...serviceSections,
  retainedReleases: integer(2, 100)
    .default(10)
    .describe("Number of releases that the registry keeps, from the last deployed one"),
  minHealthyTime: integer(0, 90)
    .default(30)
    .describe("Seconds for which the health check of a new task must succeed before the task replaces an old one"),
  verifyImages: z
    .boolean()
    .default(true)
    .describe("Run each image that no service is sure to run once as a task, before any service is updated"),
  logRetentionDays: logRetention().default(30).describe("Retention of logs in days"),
  alarmEmail: z
    .union([z.literal(""), z.email()])
    .default("")
    .describe("Email address that receives the alarms"),
  customerManagedKey: z.boolean().default(false).describe("A customer managed KMS key, instead of AWS owned keys"),
  ecsExec: z.boolean().default(false).describe("ECS Exec: a shell in a task, with a log of each session"),
  deletionProtection: z
    .boolean()
    .default(false)
    .describe("Refuse to delete data, images, secrets, the KMS key, and the load balancer"),
});

export type AwsSettings = z.infer<typeof awsSettingsSchema>;

/** Names of the settings in each section, by the path of the section. */
export const AWS_KEYS: Readonly<Record<string, readonly string[]>> = {
  aws: Object.keys(awsSettingsSchema.shape),
  ...Object.fromEntries(
    Object.entries({ network, gpu, redis, bucket, loadBalancer, imageScan, ...services }).map(([name, section]) => [
      `aws.${name}`,
      Object.keys(section.shape),
    ]),
  ),
};
