import { describe, expect, it } from "vitest";
import { contains, overlaps, parseCidrBlock } from "../../stack/config/cidr";
import { fargateProblem, stopTimeoutProblem } from "../../stack/config/fargate";
import { parseSettings } from "../../stack/config/parse";

/** Valid settings of a stack other than prod. Each case changes one part of them. */
const VALID = { loadBalancer: { allowHttp: true } };

const check = (aws: object, stack = "dev") =>
  parseSettings({ stack, values: { platform: "aws", aws: JSON.stringify({ ...VALID, ...aws }) } }).problems;

interface Case {
  title: string;
  aws: object;
  /** Key that the problem names, after `aws.` */
  key: string;
  remedy: RegExp;
  stack?: string;
}

const CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1";

const CASES: Case[] = [
  { title: "a misspelled section", aws: { netwrk: {} }, key: "netwrk", remedy: /did you mean aws\.network\?/ },
  {
    title: "a misspelled key",
    aws: { redis: { node: 2 } },
    key: "redis.node",
    remedy: /did you mean aws\.redis\.nodes\?/,
  },
  {
    title: "one availability zone",
    aws: { network: { availabilityZones: 1 } },
    key: "network.availabilityZones",
    remedy: /at least 2$/,
  },
  {
    title: "four availability zones",
    aws: { network: { availabilityZones: 4 } },
    key: "network.availabilityZones",
    remedy: /at most 3$/,
  },
  {
    title: "a CIDR block that is a word",
    aws: { network: { cidrBlock: "ten" } },
    key: "network.cidrBlock",
    remedy: /IPv4 address and a prefix length/,
  },
  {
    title: "a CIDR block with host bits",
    aws: { network: { cidrBlock: "10.40.1.0/16" } },
    key: "network.cidrBlock",
    remedy: /host bits must be zero/,
  },
  {
    title: "a CIDR block with a byte that is too large",
    aws: { network: { cidrBlock: "10.400.0.0/16" } },
    key: "network.cidrBlock",
    remedy: /invalid CIDR block/,
  },
  {
    title: "a VPC that is too large",
    aws: { network: { cidrBlock: "10.0.0.0/8" } },
    key: "network.cidrBlock",
    remedy: /AWS allows a \/16 at most/,
  },
  {
    title: "a VPC that is too small",
    aws: { network: { cidrBlock: "10.40.0.0/24" } },
    key: "network.cidrBlock",
    remedy: /too small/,
  },
  {
    title: "a public CIDR block",
    aws: { network: { cidrBlock: "8.8.0.0/16" } },
    key: "network.cidrBlock",
    remedy: /not private/,
  },
  {
    title: "a VPC that overlaps Docker's CIDR block",
    aws: { network: { cidrBlock: "172.17.0.0/16" } },
    key: "network.cidrBlock",
    remedy: /overlaps 172\.17\.0\.0\/16/,
  },
  {
    title: "a VPC that overlaps a peered network",
    aws: { network: { cidrBlock: "10.40.0.0/16", reservedCidrBlocks: ["10.0.0.0/9"] } },
    key: "network.cidrBlock",
    remedy: /overlaps 10\.0\.0\.0\/9/,
  },
  {
    title: "an invalid reserved CIDR block",
    aws: { network: { reservedCidrBlocks: ["10.0.0.1/9"] } },
    key: "network.reservedCidrBlocks.0",
    remedy: /invalid CIDR block/,
  },
  {
    title: "no certificate",
    aws: { loadBalancer: {} },
    key: "loadBalancer.certificateArn",
    remedy: /loadBalancer\.allowHttp/,
  },
  {
    title: "plain HTTP in production",
    aws: { loadBalancer: { allowHttp: true } },
    stack: "prod",
    key: "loadBalancer.certificateArn",
    remedy: /production requires HTTPS/,
  },
  {
    title: "a certificate that is not an ARN",
    aws: { loadBalancer: { certificateArn: "mine" } },
    key: "loadBalancer.certificateArn",
    remedy: /ACM certificate ARN/,
  },
  {
    title: "a domain name without a hosted zone",
    aws: { loadBalancer: { domainName: "a.example.org" } },
    key: "loadBalancer.domainName",
    remedy: /hostedZoneId/,
  },
  {
    title: "a hosted zone without a domain name",
    aws: { loadBalancer: { hostedZoneId: "Z1", allowHttp: true } },
    key: "loadBalancer.hostedZoneId",
    remedy: /loadBalancer\.domainName/,
  },
  {
    title: "a minimum number of tasks above the maximum",
    aws: { api: { minTasks: 3, maxTasks: 2 } },
    key: "api.minTasks",
    remedy: /greater than aws\.api\.maxTasks/,
  },
  {
    title: "a maximum of 0 tasks",
    aws: { worker: { maxTasks: 0 } },
    key: "worker.maxTasks",
    remedy: /at least 1$/,
  },
  {
    title: "a task size that Fargate does not support",
    aws: { api: { cpu: 2048, memory: 2048 } },
    key: "api.memory",
    remedy: /4096 to 16384/,
  },
  {
    title: "shared memory on Fargate",
    aws: { api: { sharedMemorySize: 128 } },
    key: "api.sharedMemorySize",
    remedy: /Fargate supports only the default of 64 MiB: remove the setting, or use a GPU instance with aws\.api\.gpu/,
  },
  {
    title: "shared memory that is larger than the memory of the task",
    aws: { worker: { memory: 4096, sharedMemorySize: 4096 } },
    key: "worker.sharedMemorySize",
    remedy: /must be less than aws\.worker\.memory, which is 4096/,
  },
  {
    title: "a retention of snapshots that is too long",
    aws: { redis: { snapshotRetentionDays: 36 } },
    key: "redis.snapshotRetentionDays",
    remedy: /at most 35$/,
  },
  {
    title: "a retention of logs that CloudWatch does not offer",
    aws: { logRetentionDays: 45 },
    key: "logRetentionDays",
    remedy: /^CloudWatch Logs keeps logs for 1, 3, 5, .* 30, 60, .* 3653 days$/,
  },
  {
    title: "a retention of flow logs that CloudWatch does not offer",
    aws: { network: { flowLogRetentionDays: 100 } },
    key: "network.flowLogRetentionDays",
    remedy: /^CloudWatch Logs keeps logs for 0, 1, 3/,
  },
  {
    title: "an invalid node type",
    aws: { redis: { nodeType: "large" } },
    key: "redis.nodeType",
    remedy: /cache\.t4g\.small/,
  },
  {
    title: "the deletion of the access key in use",
    aws: { bucket: { accessKeyVersion: 2, deletedAccessKeyVersion: 2 } },
    key: "bucket.deletedAccessKeyVersion",
    remedy: /less than aws\.bucket\.accessKeyVersion, which is 2/,
  },
  {
    title: "three access keys",
    aws: { bucket: { accessKeyVersion: 3 } },
    key: "bucket.accessKeyVersion",
    remedy: /first set aws\.bucket\.deletedAccessKeyVersion to 1/,
  },
  {
    title: "an empty list of public paths",
    aws: { loadBalancer: { publicPaths: [] } },
    key: "loadBalancer.publicPaths",
    remedy: /at least one path/,
  },
  { title: "an invalid email address", aws: { alarmEmail: "ops" }, key: "alarmEmail", remedy: /an email address/ },
];

describe("invalid settings of the platform aws", () => {
  it.each(CASES)("$title", ({ aws, key, remedy, stack }) => {
    const problems = check(aws, stack);
    expect(problems.map((problem) => problem.key)).toEqual([`aws.${key}`]);
    expect(problems[0].remedy).toMatch(remedy);
  });

  it("lists their problems together with the other problems of the stack", () => {
    const values = {
      platform: "aws",
      env: '{"DEMO_MODE":"true"}',
      aws: JSON.stringify({ network: { cidrBlock: "8.8.0.0/16" }, api: { minTasks: 9 } }),
    };
    expect(parseSettings({ stack: "prod", values }).problems.map(({ key }) => key)).toEqual([
      "aws.network.cidrBlock",
      "aws.loadBalancer.certificateArn",
      "aws.api.minTasks",
      "env.DEMO_MODE",
    ]);
  });
});

it.each([
  ["a certificate", { certificateArn: CERTIFICATE }],
  [
    "a certificate and a domain name in another DNS service",
    { certificateArn: CERTIFICATE, domainName: "a.example.org" },
  ],
  ["a domain name with its hosted zone", { domainName: "a.example.org", hostedZoneId: "Z1" }],
])("prod accepts %s", (_, loadBalancer) => {
  expect(check({ loadBalancer }, "prod")).toEqual([]);
});

it("GPU tasks accept shared memory of any size below their memory", () => {
  const aws = { api: { gpu: true, sharedMemorySize: 1024 }, worker: { sharedMemorySize: 12_287 } };
  expect(check({ ...aws, gpu: { maxInstances: 6 } })).toEqual([]);
});

it("the platform docker does not check the settings of aws", () => {
  const aws = '{"network":{"cidrBlock":"8.8.0.0/16"}}';
  expect(parseSettings({ stack: "local", values: { aws } }).problems).toEqual([]);
});

it.each([
  ["10.0.0.0/8", "10.255.0.0/16", true, true],
  ["10.40.0.0/16", "10.41.0.0/16", false, false],
  ["10.40.0.0/16", "10.0.0.0/8", true, false],
  ["10.40.0.0/16", "nonsense", false, false],
])("%s and %s: overlaps %s, contains %s", (a, b, overlap, inside) => {
  expect([overlaps(a, b), contains(a, b)]).toEqual([overlap, inside]);
});

it("parseCidrBlock rejects host bits and invalid prefix lengths", () => {
  expect(parseCidrBlock("10.40.0.0/16")).toMatchObject({ prefix: 16, size: 65_536 });
  expect(parseCidrBlock("10.40.0.1/16")).toBeUndefined();
  expect(parseCidrBlock("0.0.0.0/33")).toBeUndefined();
});

it.each([
  [256, 512, true],
  [256, 3072, false],
  [2048, 8192, true],
  [2048, 8191, false],
  [4096, 30_720, true],
  [8192, 20_480, true],
  [8192, 18_432, false],
  [3072, 8192, false],
])("Fargate supports %i CPU units with %i MiB: %s", (cpu, memory, supported) => {
  expect(fargateProblem({ cpu, memory }) === undefined).toBe(supported);
});

it("Fargate supports a stop timeout of at most 120 seconds", () => {
  expect([stopTimeoutProblem(120), stopTimeoutProblem(121)]).toEqual([
    undefined,
    "Fargate supports at most 120 seconds",
  ]);
});
