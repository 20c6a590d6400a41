import { describe, expect, it } from "vitest";
import { fargateProblem } from "../../stack/aws/fargate";
import { contains, overlaps, parseRange } from "../../stack/settings/cidr";
import { parseSettings } from "../../stack/settings/parse";

/** Settings of a dev stack that are right; a case changes one part of them. */
const GOOD = { entry: { allowHttp: true } };

const check = (aws: object, stack = "dev") =>
  parseSettings({ stack, values: { platform: "aws", aws: JSON.stringify({ ...GOOD, ...aws }) } }).problems;

interface Case {
  it: string;
  aws: object;
  /** The key that the error names, after `aws.` */
  key: string;
  says: RegExp;
  stack?: string;
}

const CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1";

const CASES: Case[] = [
  { it: "a misspelt section", aws: { netwrk: {} }, key: "netwrk", says: /did you mean aws\.network\?/ },
  { it: "a misspelt key", aws: { redis: { node: 2 } }, key: "redis.node", says: /did you mean aws\.redis\.nodes\?/ },
  { it: "one zone", aws: { network: { zones: 1 } }, key: "network.zones", says: />=2/ },
  { it: "four zones", aws: { network: { zones: 4 } }, key: "network.zones", says: /<=3/ },
  { it: "a range that is a word", aws: { network: { cidr: "ten" } }, key: "network.cidr", says: /IPv4 CIDR/ },
  { it: "a range in the middle", aws: { network: { cidr: "10.40.1.0/16" } }, key: "network.cidr", says: /first of it/ },
  { it: "a byte too large", aws: { network: { cidr: "10.400.0.0/16" } }, key: "network.cidr", says: /no range/ },
  { it: "a VPC too large", aws: { network: { cidr: "10.0.0.0/8" } }, key: "network.cidr", says: /at most a \/16/ },
  { it: "a VPC too small", aws: { network: { cidr: "10.40.0.0/24" } }, key: "network.cidr", says: /too small/ },
  { it: "a public range", aws: { network: { cidr: "8.8.0.0/16" } }, key: "network.cidr", says: /not private/ },
  {
    it: "a VPC over Docker's own range",
    aws: { network: { cidr: "172.17.0.0/16" } },
    key: "network.cidr",
    says: /overlaps 172\.17\.0\.0\/16/,
  },
  {
    it: "a VPC over a peer's range",
    aws: { network: { cidr: "10.40.0.0/16", reserved: ["10.0.0.0/9"] } },
    key: "network.cidr",
    says: /overlaps 10\.0\.0\.0\/9/,
  },
  {
    it: "a reserved range that is none",
    aws: { network: { reserved: ["10.0.0.1/9"] } },
    key: "network.reserved.0",
    says: /no range/,
  },
  { it: "no certificate", aws: { entry: {} }, key: "entry.certificateArn", says: /entry\.allowHttp/ },
  {
    it: "plain HTTP on prod",
    aws: { entry: { allowHttp: true } },
    stack: "prod",
    key: "entry.certificateArn",
    says: /HTTPS only/,
  },
  {
    it: "a certificate that is no ARN",
    aws: { entry: { certificateArn: "mine" } },
    key: "entry.certificateArn",
    says: /ARN of ACM/,
  },
  { it: "a domain alone", aws: { entry: { domain: "a.example.org" } }, key: "entry.domain", says: /hostedZoneId/ },
  {
    it: "a zone alone",
    aws: { entry: { hostedZoneId: "Z1", allowHttp: true } },
    key: "entry.hostedZoneId",
    says: /entry\.domain/,
  },
  { it: "fewer tasks than the least", aws: { api: { min: 3, max: 2 } }, key: "api.min", says: /more than api\.max/ },
  { it: "a worker that is never there", aws: { worker: { max: 0 } }, key: "worker.max", says: />=1/ },
  {
    it: "a size that Fargate lacks",
    aws: { api: { cpu: 2048, memory: 2048 } },
    key: "api.memory",
    says: /4096 to 16384/,
  },
  { it: "too many days of snapshots", aws: { redis: { snapshotDays: 36 } }, key: "redis.snapshotDays", says: /<=35/ },
  {
    it: "a node type that is none",
    aws: { redis: { nodeType: "large" } },
    key: "redis.nodeType",
    says: /cache\.t4g\.small/,
  },
  {
    it: "no key of the object store",
    aws: { objects: { keySerial: 2, endedSerial: 2 } },
    key: "objects.endedSerial",
    says: /less than objects\.keySerial, which is 2/,
  },
  {
    it: "three keys of the object store",
    aws: { objects: { keySerial: 3 } },
    key: "objects.keySerial",
    says: /first end those before with objects\.endedSerial = 1/,
  },
  {
    it: "no public path",
    aws: { entry: { publicPaths: [] } },
    key: "entry.publicPaths",
    says: /at least one path/,
  },
  { it: "a model that is none", aws: { models: ["depth"] }, key: "models.0", says: /OWNER\/NAME/ },
  { it: "an address that is none", aws: { alarmEmail: "ops" }, key: "alarmEmail", says: /email|Invalid/ },
];

describe("bad settings of the platform aws", () => {
  it.each(CASES)("$it", ({ aws, key, says, stack }) => {
    const problems = check(aws, stack);
    expect(problems.map((problem) => problem.key)).toEqual([`aws.${key}`]);
    expect(problems[0].remedy).toMatch(says);
  });

  it("are listed together with those of the whole stack", () => {
    const values = {
      platform: "aws",
      env: '{"DEMO_MODE":"true"}',
      aws: JSON.stringify({ network: { cidr: "8.8.0.0/16" }, api: { min: 9 } }),
    };
    expect(parseSettings({ stack: "prod", values }).problems.map(({ key }) => key)).toEqual([
      "aws.network.cidr",
      "aws.entry.certificateArn",
      "aws.api.min",
      "env.DEMO_MODE",
    ]);
  });
});

it.each([
  ["a certificate", { certificateArn: CERTIFICATE }],
  ["a certificate for a domain that is elsewhere", { certificateArn: CERTIFICATE, domain: "a.example.org" }],
  ["a domain with its zone", { domain: "a.example.org", hostedZoneId: "Z1" }],
])("prod takes %s", (_, entry) => {
  expect(check({ entry }, "prod")).toEqual([]);
});

it("a stack on docker does not look at them", () => {
  expect(parseSettings({ stack: "local", values: { aws: '{"network":{"cidr":"8.8.0.0/16"}}' } }).problems).toEqual([]);
});

it.each([
  ["10.0.0.0/8", "10.255.0.0/16", true, true],
  ["10.40.0.0/16", "10.41.0.0/16", false, false],
  ["10.40.0.0/16", "10.0.0.0/8", true, false],
  ["10.40.0.0/16", "nonsense", false, false],
])("%s and %s: overlap %s, contains %s", (a, b, overlap, inside) => {
  expect([overlaps(a, b), contains(a, b)]).toEqual([overlap, inside]);
});

it("a range starts at its first address", () => {
  expect(parseRange("10.40.0.0/16")).toMatchObject({ prefix: 16, size: 65_536 });
  expect(parseRange("10.40.0.1/16")).toBeUndefined();
  expect(parseRange("0.0.0.0/33")).toBeUndefined();
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
])("Fargate: %i CPU units with %i MiB: %s", (cpu, memory, good) => {
  expect(fargateProblem({ cpu, memory }) === undefined).toBe(good);
});
