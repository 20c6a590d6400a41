import { z } from "zod";
import { AMI_NAME } from "../aws/ami";

const count = (least: number, most: number) => z.int().min(least).max(most);
const days = count(1, 3653);

/** `A.B.C.D/P`; whether it fits is for the rules to say. */
const range = z.string().regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "a range is an IPv4 CIDR, as in 10.40.0.0/16");

/** CPU units, 1024 for one vCPU. */
const cpu = count(256, 192 * 1024);
/** MiB */
const memory = count(512, 1536 * 1024);

const gpuMemory = count(0, 200_000).default(0).describe("MiB of GPU memory that a task needs; 0: not checked");

const network = z.strictObject({
  cidr: range.default("10.40.0.0/16").describe("Range of the VPC, /16 to /20"),
  reserved: z
    .array(range)
    .default(["172.17.0.0/16"])
    .describe("Ranges that the VPC must not overlap: Docker's on the hosts, those of peered networks"),
  zones: count(2, 3).default(2).describe("Availability zones"),
  natPerZone: z.boolean().default(false).describe("A NAT gateway for each zone, instead of one for all"),
  endpoints: z.boolean().default(false).describe("Interface endpoints for ECR, logs and secrets"),
  flowLogDays: count(0, 3653).default(0).describe("Days that flow logs are kept; 0: no flow logs"),
});

const gpu = z.strictObject({
  types: z.array(z.string()).min(1).default(["g5.xlarge"]).describe("Instance types of GPU hosts"),
  maxHosts: count(1, 500).default(2).describe("Most GPU hosts at one time"),
  onDemandBase: count(0, 500).default(0).describe("GPU hosts that are on-demand in any case"),
  spot: z.boolean().default(false).describe("Spot beyond the on-demand base"),
  disk: count(100, 16_384).default(200).describe("GB of a GPU host's disk"),
  ami: z
    .union([z.literal(""), z.string().regex(AMI_NAME, "an AMI is named as al2023-ami-ecs-gpu-hvm-...-x86_64-ebs")])
    .default("")
    .describe("Name of the ECS GPU AMI, moved by `npm run lock -- --ami`; empty: the newest"),
});

const api = z.strictObject({
  gpu: z.boolean().default(false).describe("GPU image on a GPU host, instead of the CPU image on Fargate"),
  cpu: cpu.default(2048).describe("CPU units of a task, 1024 for one vCPU"),
  memory: memory.default(8192).describe("MiB of a task"),
  min: count(1, 100).default(1).describe("Least tasks"),
  max: count(1, 100).default(2).describe("Most tasks"),
  gpuMemory,
  requestsPerTarget: count(1, 1_000_000)
    .default(300)
    .describe("Requests a minute for each task, above which one more starts"),
});

const worker = z.strictObject({
  cpu: cpu.default(3072).describe("CPU units of a task, 1024 for one vCPU"),
  memory: memory.default(12_288).describe("MiB of a task"),
  gpuMemory,
  min: count(0, 100).default(0).describe("Least tasks"),
  max: count(1, 100).default(1).describe("Most tasks"),
  backlogPerTask: count(1, 10_000).default(4).describe("Jobs for each task, above which one more starts"),
  stopTimeout: count(30, 7200).default(3600).describe("Seconds in which a worker that is stopped may finish its job"),
});

const redis = z.strictObject({
  nodeType: z
    .string()
    .regex(/^cache\.[a-z0-9]+\.[a-z0-9]+$/, "a node type is as cache.t4g.small")
    .default("cache.t4g.small"),
  nodes: count(1, 6).default(1).describe("Nodes, each in a zone of its own; from two on one takes over"),
  snapshotDays: count(1, 35).default(1).describe("Days that a daily snapshot is kept"),
  snapshot: z.string().default("").describe("Snapshot to restore from"),
});

const objects = z.strictObject({
  days: days.default(7).describe("Days that results are kept"),
  keySerial: count(1, 1_000_000).default(1).describe("Serial of the access key; a new one makes a new key"),
  endedSerial: count(0, 1_000_000).default(0).describe("Serial up to which access keys are ended"),
  corsOrigins: z.array(z.string()).default([]).describe("Origins of web pages that may read results"),
});

const entry = z.strictObject({
  certificateArn: z
    .string()
    .regex(/^(arn:aws[a-z-]*:acm:.*)?$/, "a certificate is an ARN of ACM")
    .default("")
    .describe("Certificate of the load balancer"),
  domain: z.string().default("").describe("Name of the service; with hostedZoneId a certificate is requested for it"),
  hostedZoneId: z.string().default("").describe("Hosted zone of the domain in Route 53"),
  allowHttp: z.boolean().default(false).describe("Plain HTTP where there is no certificate"),
  publicPaths: z
    .array(z.string())
    .min(1, "name at least one path, or leave it out")
    .optional()
    .describe("Paths that are public; default: those of the application"),
  waf: z.boolean().default(false).describe("AWS WAF before the load balancer"),
});

/** The settings of the platform `aws`. */
export const awsSettings = z.strictObject({
  network: network.prefault({}),
  gpu: gpu.prefault({}),
  api: api.prefault({}),
  worker: worker.prefault({}),
  redis: redis.prefault({}),
  objects: objects.prefault({}),
  entry: entry.prefault({}),
  models: z
    .array(z.string())
    .default([])
    .describe("Models that the fill task fetches, as Hugging Face ids with or without @revision"),
  releases: count(2, 100).default(10).describe("Releases that the registry keeps"),
  logDays: days.default(30).describe("Days that logs are kept"),
  alarmEmail: z
    .union([z.literal(""), z.email()])
    .default("")
    .describe("Who gets the alarms by mail"),
  kms: z.boolean().default(false).describe("A key of the stack's own in KMS, instead of AWS's"),
  exec: z.boolean().default(false).describe("ECS Exec: a shell in a task, each session logged"),
  protect: z.boolean().default(false).describe("Refuse to delete data, secrets and load balancer"),
});

export type AwsSettings = z.infer<typeof awsSettings>;

/** Names of the settings of a section, by its path in the config. */
export const AWS_KEYS: Readonly<Record<string, readonly string[]>> = {
  aws: Object.keys(awsSettings.shape),
  ...Object.fromEntries(
    Object.entries({ network, gpu, api, worker, redis, objects, entry }).map(([name, section]) => [
      `aws.${name}`,
      Object.keys(section.shape),
    ]),
  ),
};
