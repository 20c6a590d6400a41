import { afterEach, describe, expect, it, vi } from "vitest";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { deployedCapacity } from "../../stack/preflight/deployed";
import { deployedServiceProblems } from "../../stack/preflight/deployed-services";
import { partitionProblems } from "../../stack/preflight/partition";
import * as internals from "../../stack/pulumi/internals";

afterEach(() => void vi.restoreAllMocks());

/** The state of a stack with a service that uses a capacity provider. */
function deployed(name: string, capacityProvider: string) {
  const outputs = { name, capacityProviderStrategies: [{ capacityProvider, weight: 1 }] };
  const service = {
    urn: `urn:pulumi:dev::sf::aws:ecs/service:Service::${name}`,
    type: "aws:ecs/service:Service",
    outputs,
  };
  vi.spyOn(internals, "deployedResources").mockResolvedValue([
    service,
    { ...service, type: "aws:ecs/cluster:Cluster" },
  ]);
}

const problems = async (gpu: boolean) =>
  deployedServiceProblems(awsSettingsSchema.parse({ api: { gpu } }), await deployedCapacity());

describe("a deployed API", () => {
  it.each([
    [
      "FARGATE",
      true,
      /the service api cannot move from Fargate to GPU instances while it exists: set it back to false/,
    ],
    ["cluster-gpu-1234567", false, /cannot move from GPU instances to Fargate while it exists: set it back to true/],
  ])("on %s with aws.api.gpu %s is refused", async (provider, gpu, remedy) => {
    deployed("api", provider);
    expect(await problems(gpu)).toEqual([
      { key: "aws.api.gpu", value: String(gpu), remedy: expect.stringMatching(remedy) },
    ]);
  });

  it.each([
    ["FARGATE", false],
    ["cluster-gpu-1234567", true],
  ])("on %s with aws.api.gpu %s stays", async (provider, gpu) => {
    deployed("api", provider);
    expect(await problems(gpu)).toEqual([]);
  });
});

it("a service that does not exist can use either", async () => {
  deployed("worker", "cluster-gpu-1234567");
  expect([...(await problems(true)), ...(await problems(false))]).toEqual([]);
});

describe("the partition", () => {
  it.each(["aws-cn", "aws-us-gov", "aws-eusc"])("%s is refused by name", (partition) => {
    expect(partitionProblems(`arn:${partition}:sts::123456789012:assumed-role/deploy/me`)).toEqual([
      { key: "platform", value: "aws", remedy: expect.stringContaining(`the partition ${partition} is not supported`) },
    ]);
  });

  it("aws is supported", () => {
    expect(partitionProblems("arn:aws:iam::123456789012:user/me")).toEqual([]);
  });
});
