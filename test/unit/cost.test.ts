import { describe, expect, it } from "vitest";
import { costOf, type Cost } from "../../scripts/preview/cost/cost";
import { costOfQuantity, formatMoney } from "../../scripts/preview/cost/money";
import { PRICES, type Price, type PriceTable } from "../../scripts/preview/cost/prices";
import type { Unit } from "../../scripts/preview/cost/products";
import { isFree, RULES } from "../../scripts/preview/cost/rules";
import { awsPlatform } from "../harness/aws-platform";
import type { Registered } from "../harness/mocks";

const REGION = "us-east-1";

/** How an event of the engine marks a string that is not known. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Prices of the calculation by hand, so that renewed prices do not change it. */
const PRICES_BY_HAND: Record<string, [price: string, unit: Unit]> = {
  "instance:g5.xlarge": ["1.006", "hour"],
  "instance:g6.xlarge": ["0.8048", "hour"],
  "instance:g6e.xlarge": ["1.861", "hour"],
  "gp3-storage": ["0.08", "GB-month"],
  "gp3-throughput": ["40.96", "GiB/s-month"],
  "fargate-vcpu": ["0.04048", "hour"],
  "fargate-memory": ["0.004445", "hour"],
  "redis-node:cache.t4g.small": ["0.0256", "hour"],
  "redis-node:cache.m7g.large": ["0.1264", "hour"],
  "nat-gateway": ["0.045", "hour"],
  "nat-gateway-data": ["0.046", "GB"],
  "vpc-endpoint": ["0.01", "hour"],
  "public-ipv4": ["0.005", "hour"],
  "load-balancer": ["0.0225", "hour"],
  "web-acl": ["5", "month"],
  "web-acl-rule": ["1", "month"],
  "kms-key": ["1", "month"],
  secret: ["0.4", "month"],
  alarm: ["0.1", "month"],
  metric: ["0.3", "month"],
  dashboard: ["3", "month"],
};

const TABLE: PriceTable = {
  [REGION]: Object.fromEntries(
    Object.entries(PRICES_BY_HAND).map(([key, [price, unit]], day) => [
      key,
      { price, unit, source: "https://example.org", date: `2026-01-${String(day + 1).padStart(2, "0")}` },
    ]),
  ),
};

/**
 * The costs in US dollars, calculated by hand: quantity × price × hours. The second quantity is the one at full scale.
 *
 * dev: the API has 2 vCPU and 8 GB, beat has 0.25 vCPU and 1 GB. The worker needs one instance at full scale. One NAT gateway, and two zones
 * of the load balancer. 14 alarms of the program: 4 on requests, 2 on deployments, 4 on the jobs of the worker, 2 on GPUs, 2 on the node of
 * Redis. 2 of target tracking for the API, 2 of the capacity provider.
 *
 * prod: 2 + 1 GPU tasks at rest and 3 + 3 at full scale, each on its own instance. Three zones. 4 + 2 + 4 + 3 + 2 × 3
 * alarms of the program, 2 + 2 others.
 *
 * A volume has 200 GB, and 500 MiB/s of which 125 are free: 375 / 1024 GiB/s × 40.96 = 15.00.
 */
const EXPECTED = {
  dev: {
    lines: [
      ["Fargate vCPU, api", "2 × 0.04048 × 730", 59.1008, "4 × 0.04048 × 730", 118.2016],
      ["Fargate GB, api", "8 × 0.004445 × 730", 25.9588, "16 × 0.004445 × 730", 51.9176],
      ["Fargate vCPU, beat", "0.25 × 0.04048 × 730", 7.3876, "the same", 7.3876],
      ["Fargate GB, beat", "1 × 0.004445 × 730", 3.24485, "the same", 3.24485],
      ["GPU instance, g6.xlarge", "0", 0, "1 × 0.8048 × 730", 587.504],
      ["gp3 volume of a GPU instance, storage", "0", 0, "200 × 0.08", 16],
      ["gp3 volume of a GPU instance, throughput", "0", 0, "0.3662109375 × 40.96", 15],
      ["CloudWatch metric, GPU instances", "0", 0, "7 × 0.30", 2.1],
      ["NAT gateway", "1 × 0.045 × 730", 32.85, "the same", 32.85],
      ["public IPv4 address", "(1 + 2) × 0.005 × 730", 10.95, "the same", 10.95],
      ["load balancer", "1 × 0.0225 × 730", 16.425, "the same", 16.425],
      ["Redis node, cache.t4g.small", "1 × 0.0256 × 730", 18.688, "the same", 18.688],
      ["secret", "5 × 0.40", 2, "the same", 2],
      ["CloudWatch alarm", "(14 + 2 + 2) × 0.10", 1.8, "the same", 1.8],
      ["CloudWatch dashboard", "1 × 3.00", 3, "the same", 3],
    ],
    atRest: "$181.41", // 181.40505
    atFullScale: "$887.07", // 887.06865
  },
  prod: {
    lines: [
      ["Fargate vCPU, beat", "0.25 × 0.04048 × 730", 7.3876, "the same", 7.3876],
      ["Fargate GB, beat", "1 × 0.004445 × 730", 3.24485, "the same", 3.24485],
      ["GPU instance, g5.xlarge", "3 × 1.006 × 730", 2203.14, "6 × 1.006 × 730", 4406.28],
      ["gp3 volume of a GPU instance, storage", "3 × 200 × 0.08", 48, "6 × 200 × 0.08", 96],
      ["gp3 volume of a GPU instance, throughput", "3 × 0.3662109375 × 40.96", 45, "6 × 0.3662109375 × 40.96", 90],
      ["CloudWatch metric, GPU instances", "3 × 7 × 0.30", 6.3, "6 × 7 × 0.30", 12.6],
      ["NAT gateway", "3 × 0.045 × 730", 98.55, "the same", 98.55],
      ["interface endpoint in a zone", "4 × 3 × 0.01 × 730", 87.6, "the same", 87.6],
      ["public IPv4 address", "(3 + 3) × 0.005 × 730", 21.9, "the same", 21.9],
      ["load balancer", "1 × 0.0225 × 730", 16.425, "the same", 16.425],
      ["web ACL", "1 × 5.00", 5, "the same", 5],
      ["rule of a web ACL", "5 × 1.00", 5, "the same", 5],
      ["Redis node, cache.m7g.large", "2 × 0.1264 × 730", 184.544, "the same", 184.544],
      ["secret", "5 × 0.40", 2, "the same", 2],
      ["KMS key", "1 × 1.00", 1, "the same", 1],
      ["CloudWatch alarm", "(19 + 2 + 2) × 0.10", 2.3, "the same", 2.3],
      ["CloudWatch dashboard", "1 × 3.00", 3, "the same", 3],
    ],
    atRest: "$2,740.39", // 2740.39145
    atFullScale: "$5,042.83", // 5042.83145
  },
} as const;

const total = (cost: Cost) => [cost.atRest, cost.atFullScale].map((money) => money && formatMoney(money));

/** The resources of a stack with other inputs of one of them. */
const withInputs = (resources: readonly Registered[], name: string, type: RegExp, inputs: object): Registered[] =>
  resources.map((one) =>
    one.name === name && type.test(one.type) ? { ...one, inputs: { ...one.inputs, ...inputs } } : one,
  );

describe.each(["dev", "prod"] as const)("the cost of %s", (stack) => {
  it("is the one that is calculated by hand, to the cent", async () => {
    const cost = costOf(await awsPlatform(stack), REGION, TABLE);
    const lines = cost.lines.map(({ what, atRest, atFullScale }) => [what, atRest / 1e6, atFullScale / 1e6]);
    const expected = EXPECTED[stack].lines.map(([what, , atRest, , atFullScale]) => [what, atRest, atFullScale]);
    expect(lines.sort()).toEqual(expected.sort());
    expect(total(cost)).toEqual([EXPECTED[stack].atRest, EXPECTED[stack].atFullScale]);
  });

  it("includes each resource: it has a price, is billed by usage, or is free", async () => {
    const resources = await awsPlatform(stack);
    expect(costOf(resources, REGION).unpriced).toEqual([]);
  });

  it("says which prices of another region are missing, instead of a total", async () => {
    const cost = costOf(await awsPlatform(stack), "eu-west-1");
    expect(cost).toMatchObject({ atRest: undefined, atFullScale: undefined, lines: [], assumptions: [] });
    expect(cost.unpriced).toEqual([
      "The price table has no prices of eu-west-1: run `npm run prices -- --region eu-west-1`.",
    ]);
  });
});

it("all types of resources that settings can add have a rule, or are free", async () => {
  const options = {
    ecsExec: true,
    alarmEmail: "a@example.org",
    bucket: { corsOrigins: ["https://example.org"], accessKeyVersion: 2 },
    loadBalancer: { domainName: "sf.example.org", hostedZoneId: "Z0" },
  };
  const types = new Set((await awsPlatform("prod", options)).map(({ type }) => type));
  expect(types).toContain("aws:acm/certificate:Certificate");
  expect([...types].filter((type) => !isFree(type) && !Object.hasOwn(RULES, type))).toEqual([]);
});

it("lists charges by usage once, with their unit prices, and those without a price", async () => {
  const { usage } = costOf(await awsPlatform("prod"), REGION, TABLE);
  expect(usage).toContainEqual({ what: "data through NAT gateways", unitPrice: "0.046", unit: "GB" });
  expect(usage).toContainEqual({ what: "VPC flow logs and WAF logs, ingestion", unitPrice: undefined, unit: "GB" });
  expect(new Set(usage.map(({ what }) => what)).size).toBe(usage.length);
});

it("says what it assumes", async () => {
  const { assumptions } = costOf(await awsPlatform("dev", { worker: { maxTasks: 2 } }), REGION, TABLE);
  expect(assumptions).toContain(
    "As many GPU instances run as the tasks need. Each task uses one GPU. All instances are g6.xlarge, and none is g5.xlarge ($734.38 a month) or g6e.xlarge ($1,358.53 a month).",
  );
  expect(assumptions).toContain("The prices are on-demand prices of us-east-1, from 2026-01-02 to 2026-01-21.");
  expect(assumptions).toContain(
    "Spot instances are counted at the on-demand price, which is their maximum price by default.",
  );
  const { lines } = costOf(await awsPlatform("dev", { worker: { maxTasks: 2 } }), REGION, TABLE);
  const spot = lines.find(({ what }) => what === "GPU instance, g6.xlarge, spot");
  expect(spot).toMatchObject({ quantity: { atRest: 0, atFullScale: 1 }, atFullScale: 587_504_000, hours: 730 });
});

describe("what is not known", () => {
  it.each([
    [
      "scaling-api",
      /Target$/,
      { maxCapacity: UNKNOWN },
      "`maxCapacity` is not known: api (aws:ecs/service:Service) is not included.",
    ],
    [
      "beat",
      /ecs.*Service$/,
      { desiredCount: { __pulumiUnknown: true } },
      "`desiredCount` is not known: beat (aws:ecs/service:Service) is not included.",
    ],
    [
      "redis",
      /ReplicationGroup$/,
      { nodeType: UNKNOWN },
      "`nodeType` is not known: redis (aws:elasticache/replicationGroup:ReplicationGroup) is not included.",
    ],
    [
      "redis",
      /ReplicationGroup$/,
      { nodeType: "cache.x9.large" },
      "The price table has no price for redis-node:cache.x9.large in us-east-1: Redis node, cache.x9.large is not included.",
    ],
    [
      "redis",
      /ReplicationGroup$/,
      { engine: "redis" },
      "the price of its engine is not known: redis (aws:elasticache/replicationGroup:ReplicationGroup) is not included.",
    ],
    [
      "load-balancer",
      /LoadBalancer$/,
      { subnets: UNKNOWN },
      "`subnets` is not known: load-balancer (aws:lb/loadBalancer:LoadBalancer) is not included.",
    ],
    [
      "load-balancer",
      /LoadBalancer$/,
      { subnets: undefined, subnetMappings: [{}] },
      "`subnets` is not known: load-balancer (aws:lb/loadBalancer:LoadBalancer) is not included.",
    ],
    [
      "scaling-worker",
      /Target$/,
      { maxCapacity: UNKNOWN },
      "`maxCapacity` is not known: cluster-gpu (aws:autoscaling/group:Group) is not included.",
    ],
    [
      "cluster-gpu",
      /LaunchTemplate$/,
      { blockDeviceMappings: undefined },
      "`blockDeviceMappings` is not known: cluster-gpu (aws:autoscaling/group:Group) is not included.",
    ],
    [
      "worker-task-definition",
      /TaskDefinition$/,
      { requiresCompatibilities: UNKNOWN },
      "`requiresCompatibilities.0` is not known: cluster-gpu (aws:autoscaling/group:Group) is not included.",
    ],
    [
      "cluster-gpu",
      /Group$/,
      { maxSize: UNKNOWN },
      "`maxSize` is not known: cluster-gpu (aws:autoscaling/group:Group) is not included.",
    ],
    [
      "alarms-api-5xx",
      /MetricAlarm$/,
      { metricQueries: [{}] },
      "the number of its metrics is not known: alarms-api-5xx (aws:cloudwatch/metricAlarm:MetricAlarm) is not included.",
    ],
  ])("is named, and the rest is counted: %s %s", async (name, type, inputs, message) => {
    const resources = withInputs(await awsPlatform("dev"), name, type, inputs);
    const cost = costOf(resources, REGION, TABLE);
    expect(cost.unpriced).toContain(message);
    expect(cost.lines.map(({ what }) => what)).toContain("NAT gateway");
    expect(cost.atRest! + cost.atFullScale!).toBeLessThan(181_405_050 + 887_068_650);
  });

  it("can be the price of a type of resources", () => {
    const resource = { urn: "urn", type: "aws:rds/instance:Instance", name: "db", parent: undefined, inputs: {} };
    expect(costOf([resource], REGION, TABLE)).toMatchObject({
      atRest: 0,
      unpriced: ["The cost of resources of the type aws:rds/instance:Instance is not known: db is not included."],
    });
  });

  it("does not matter where a list has known elements, as in the first preview", async () => {
    const resources = withInputs(await awsPlatform("prod"), "load-balancer", /LoadBalancer$/, {
      subnets: [UNKNOWN, UNKNOWN, UNKNOWN],
    });
    expect(total(costOf(resources, REGION, TABLE))).toEqual([EXPECTED.prod.atRest, EXPECTED.prod.atFullScale]);
  });
});

it("resources of other providers cost nothing", () => {
  const resource = { urn: "urn", type: "docker:index/container:Container", name: "api", parent: undefined, inputs: {} };
  expect(costOf([resource], "nowhere")).toMatchObject({ lines: [], usage: [], unpriced: [], assumptions: [] });
});

describe("money", () => {
  it.each([
    ["0.1", 3, 300_000],
    ["0.004445", 730, 3_244_850],
    ["40.96", 375 / 1024, 15_000_000],
    ["0.000000001", 1 / 1024, 0],
    ["0.8048000000000", 730, 587_504_000],
    ["12345.678901", 730, 9_012_345_597_730],
  ])("%s × %d is exact", (price, quantity, expected) => {
    expect(costOfQuantity(price, quantity)).toBe(expected);
  });

  it.each([["-1"], ["1e3"], [""], ["0.0000000001"]])("rejects the price %j", (price) => {
    expect(() => costOfQuantity(price, 1)).toThrow(RangeError);
  });

  it("rejects a quantity that it would round", () => {
    expect(() => costOfQuantity("1", 0.1)).toThrow(RangeError);
  });

  it.each([
    [0, "$0.00"],
    [5_000, "$0.01"],
    [4_999, "$0.00"],
    [-4_999, "$0.00"],
    [1_234_560_000, "$1,234.56"],
    [-1_234_560_000, "-$1,234.56"],
  ])("formats %d as %s", (money, expected) => {
    expect(formatMoney(money)).toBe(expected);
  });
});

it("each price of the table has a source and a date", () => {
  for (const [key, price] of Object.entries(PRICES[REGION] as Record<string, Price>)) {
    expect(price.source, key).toMatch(/^https:\/\//);
    expect(price.date, key).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(() => costOfQuantity(price.price, 1), key).not.toThrow();
  }
});
