import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readStackConfig } from "../../scripts/stack-file";
import * as clients from "../../stack/clients/aws";
import { awsSettingsSchema, type AwsSettings } from "../../stack/config/aws-schema";
import { quotaNeeds, quotaValues } from "../../stack/config/quota-needs";
import type { DeployedCapacity } from "../../stack/preflight/deployed";
import { quotaProblems } from "../../stack/preflight/quotas";

const settings = (aws: object) => awsSettingsSchema.parse(aws);
const valuesOf = (aws: AwsSettings) => quotaValues(quotaNeeds(aws));

describe("the needs of quotas at full scale", () => {
  it.each([
    ["on-demand", {}, { onDemandGpu: 12 * 8 }],
    ["spot", { spot: true }, { spotGpu: 12 * 8 }],
    ["spot and on-demand", { spot: true, onDemandBaseCapacity: 4 }, { onDemandGpu: 4 * 8, spotGpu: 8 * 8 }],
  ])("of GPU instances are those of the largest type: %s", (_, gpu, expected) => {
    const instances = { maxInstances: 12, instanceTypes: ["g5.xlarge", "g6.2xlarge"], ...gpu };
    expect(valuesOf(settings({ gpu: instances, api: { gpu: true } }))).toEqual({ ...expected, elasticIps: 1 });
  });

  it("of Fargate are those of old and new tasks side by side, and beat once", () => {
    expect(valuesOf(settings({ api: { cpu: 2048, maxTasks: 3 } })).fargate).toBe(Math.ceil(2 * 3 * 2 + 0.25));
  });

  it("of Elastic IP addresses are those of the NAT gateways", () => {
    const network = { availabilityZones: 3, natGatewayPerZone: true };
    expect(valuesOf(settings({ network })).elasticIps).toBe(3);
    expect(valuesOf(settings({ network: { ...network, natGatewayPerZone: false } })).elasticIps).toBe(1);
  });

  it("have no GPU instances if the rules of the settings reject their types", () => {
    expect(valuesOf(settings({ gpu: { instanceTypes: ["g5.huge"] }, api: { gpu: true } }))).toEqual({ elasticIps: 1 });
  });

  it("are known for the stacks dev and prod", () => {
    const ofStack = (stack: "dev" | "prod") => Object.keys(valuesOf(settings(readStackConfig(stack).aws as object)));
    expect(ofStack("dev")).toContain("fargate");
    expect(ofStack("prod")).toEqual(["onDemandGpu", "elasticIps"]);
  });
});

describe("quotas", () => {
  const NEW: DeployedCapacity = { zones: {}, onGpu: new Map(), elasticIps: 0 };
  const ENOUGH = { "L-DB2E81BA": 96, "L-3032A538": 96, "L-0263D0A3": 5 };
  let quotas: Record<string, number | Error>;
  let defaults: Record<string, number>;
  let addresses: number;
  let requested: string[];
  let warnings: string[];

  const error = (name: string) => Object.assign(new Error("no"), { name });

  beforeEach(() => {
    [quotas, defaults, addresses, requested, warnings] = [{ ...ENOUGH }, {}, 0, [], []];
    class Get {
      constructor(readonly input: { QuotaCode: string }) {}
    }
    class GetDefault extends Get {}
    const send = async (command: Get) => {
      const { QuotaCode: code } = command.input;
      requested.push(code);
      const value = command instanceof GetDefault ? defaults[code] : (quotas[code] ?? error("NoSuchResourceException"));
      if (value instanceof Error) throw value;
      return { Quota: { Value: value } };
    };
    vi.spyOn(clients, "serviceQuotasClient").mockResolvedValue({
      client: { send },
      GetServiceQuotaCommand: Get,
      GetAWSDefaultServiceQuotaCommand: GetDefault,
    } as never);
    vi.spyOn(clients, "ec2Client").mockResolvedValue({
      client: { send: async () => ({ Addresses: Array(addresses).fill({}) }) },
      DescribeAddressesCommand: class {},
    } as never);
    vi.spyOn(pulumi.log, "warn").mockImplementation(async (text) => void warnings.push(text));
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(false);
  });

  it("that are too low are problems with name, code, value, need, and remedy", async () => {
    quotas["L-DB2E81BA"] = 0;
    const [problem, ...others] = await quotaProblems(settings({ gpu: { maxInstances: 3 } }), NEW);
    expect(others).toEqual([]);
    expect(problem).toEqual({
      key: "aws.gpu.maxInstances",
      value: "3",
      remedy:
        'the stack needs 12 vCPUs for 3 instances of g5.xlarge, and the quota "Running On-Demand G and VT instances" (L-DB2E81BA) of the ' +
        "account is 0: request an increase with `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA " +
        "--desired-value 12`, or lower aws.gpu.maxInstances, or use smaller aws.gpu.instanceTypes",
    });
  });

  it("are listed together", async () => {
    quotas = { "L-3819A6DF": 4, "L-3032A538": 6, "L-0263D0A3": 5 };
    addresses = 5;
    const keys = (await quotaProblems(settings({ gpu: { spot: true } }), NEW)).map(({ key }) => key);
    expect(keys).toEqual(["aws.gpu.maxInstances", "aws.api.maxTasks", "aws.network.natGatewayPerZone"]);
  });

  it("of Elastic IP addresses: those of the stack do not count twice, those of others do", async () => {
    const three = settings({ network: { availabilityZones: 3, natGatewayPerZone: true } });
    addresses = 4;
    expect(await quotaProblems(three, { ...NEW, elasticIps: 2 })).toEqual([]);
    addresses = 5;
    const [{ remedy }] = await quotaProblems(three, { ...NEW, elasticIps: 2 });
    expect(remedy).toMatch(/3 Elastic IPs for 3 NAT gateways, in addition to 3 .*--desired-value 6`/);
    expect(await quotaProblems(three, { ...NEW, elasticIps: 3 })).toEqual([]);
  });

  it("that were never changed have their default", async () => {
    delete quotas["L-DB2E81BA"];
    defaults["L-DB2E81BA"] = 8;
    expect(await quotaProblems(settings({}), NEW)).toEqual([]);
    defaults["L-DB2E81BA"] = 4;
    expect(await quotaProblems(settings({}), NEW)).toHaveLength(1);
  });

  it("that may not be read are a warning with the need", async () => {
    quotas["L-DB2E81BA"] = error("AccessDeniedException");
    expect(await quotaProblems(settings({}), NEW)).toEqual([]);
    expect(warnings).toEqual([
      'the quota "Running On-Demand G and VT instances" (L-DB2E81BA) was not checked (AccessDeniedException: no): the stack needs 8 vCPUs for 2 instances of g5.xlarge',
    ]);
  });

  it("are compared in a preview only if the needs changed, and in each update", async () => {
    quotas["L-DB2E81BA"] = 0;
    const aws = settings({});
    const deployed = { ...NEW, quotaValues: valuesOf(aws) };
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(true);
    expect(await quotaProblems(aws, deployed)).toEqual([]);
    expect(requested).toEqual([]);
    expect(await quotaProblems(aws, NEW)).toHaveLength(1);
    expect(await quotaProblems(settings({ gpu: { maxInstances: 3 } }), deployed)).toHaveLength(1);
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(false);
    expect(await quotaProblems(aws, deployed)).toHaveLength(1);
  });
});
