import { describe, expect, it } from "vitest";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { chooseZones, type DeployedZones, type ZoneOffer } from "../../stack/config/zones";
import { deployedCapacity } from "../../stack/preflight/deployed";
import { availabilityZones } from "../../stack/preflight/zones";
import { mockEngine } from "../harness/mocks";

const settings = (instanceTypes: string[], zones = 2) =>
  awsSettingsSchema.parse({ gpu: { instanceTypes }, network: { availabilityZones: zones } });

/** The offers of a region. Each argument is a zone, as `a: g5 g6`. With `!`, the zone is not available. */
const region = (...zones: string[]): ZoneOffer[] =>
  zones.map((text) => {
    const [zone, types] = text.replace("!", "").split(":");
    return { zone, instanceTypes: types.split(" ").filter(Boolean), available: !text.startsWith("!") };
  });

const choose = (types: string, deployed: DeployedZones, offers: ZoneOffer[], count = 2) =>
  chooseZones(settings(types.split(" "), count), deployed, offers);

describe("the zones of a new stack", () => {
  it.each([
    ["are the first by name of those that offer the type", "g5", region("d:g5", "a:", "c:g5", "b:g5"), ["b", "c"]],
    ["offer the most types", "g5 g6", region("a:g5", "b:g5 g6", "c:g5 g6"), ["b", "c"]],
    ["offer each type, if possible", "g5 g6", region("a:g5", "b:g5", "c:g6"), ["a", "c"]],
    ["are available", "g5", region("!a:g5", "b:g5", "c:g5"), ["b", "c"]],
  ])("%s", (_, types, offers, zones) => {
    expect(choose(types, {}, offers)).toEqual({ zones, problems: [] });
  });

  it("must be enough", () => {
    const { problems } = choose("g5", {}, region("a:g5", "!b:g5", "c:"));
    expect(problems).toEqual([
      expect.objectContaining({
        key: "network.availabilityZones",
        value: "2",
        remedy: expect.stringMatching(
          /too few zones .* offer one of aws\.gpu\.instanceTypes \(a\): use instance types/,
        ),
      }),
    ]);
  });

  it("must offer each instance type in at least one zone", () => {
    expect(choose("g5 p99", {}, region("a:g5", "b:g5")).problems).toEqual([
      {
        key: "gpu.instanceTypes.1",
        value: "p99",
        remedy: "none of the zones of the stack (a, b) offers this instance type: use another one",
      },
    ]);
  });
});

describe("the zones of an existing stack", () => {
  it.each([
    ["stay if one is impaired", { 0: "a", 1: "b" }, region("!a:g5", "b:g5", "c:g5"), ["a", "b"]],
    ["stay if there is a better one", { 0: "c", 1: "b" }, region("a:g5", "b:g5", "c:g5"), ["c", "b"]],
    ["get another one for a subnet that was not created", { 1: "a" }, region("a:g5", "b:g5"), ["b", "a"]],
  ])("%s", (_, deployed: DeployedZones, offers, zones) => {
    expect(choose("g5", deployed, offers)).toEqual({ zones, problems: [] });
  });

  it("get a third one that no subnet has", () => {
    expect(choose("g5", { 0: "b", 1: "c" }, region("a:g5", "b:g5", "c:g5"), 3).zones).toEqual(["b", "c", "a"]);
    expect(choose("g5", { 0: "b", 1: "c" }, region("b:g5", "c:g5"), 3).problems).toHaveLength(1);
  });

  it("must each offer one of the new instance types", () => {
    expect(choose("g6", { 0: "a", 1: "b" }, region("a:g6", "b:", "c:g6")).problems).toEqual([
      {
        key: "gpu.instanceTypes",
        value: "g6",
        remedy: "b, a zone of the stack, offers none of them: add a type that it offers",
      },
    ]);
  });
});

describe("the preflight check", () => {
  const urn = (type: string, name: string) => `urn:pulumi:dev::spatialforge::${type}::${name}`;
  const subnet = (name: string, availabilityZone: string) =>
    [
      urn("aws:ec2/subnet:Subnet", name),
      { type: "aws:ec2/subnet:Subnet", outputs: { availabilityZone, tags: { Name: "private-7" } } },
    ] as const;
  const STATE = Object.fromEntries([
    subnet("network-private-0", "us-east-1b"),
    subnet("network-public-1", "us-east-1d"),
    [
      urn("aws:autoscaling/group:Group", "cluster-gpu"),
      {
        type: "aws:autoscaling/group:Group",
        outputs: { mixedInstancesPolicy: { launchTemplate: { overrides: [{ instanceType: "g5.xlarge" }] } } },
      },
    ],
    [urn("aws:ec2/eip:Eip", "network-nat-0"), { type: "aws:ec2/eip:Eip", outputs: {} }],
    [
      urn("spatialforge:aws:Platform", "spatialforge"),
      { type: "spatialforge:aws:Platform", outputs: { quotaValues: { spotGpu: 8 } } },
    ],
  ]);

  /** Mocks the engine with a state. Returns the names of the provider functions that were called. */
  async function withState(outputs: object): Promise<string[]> {
    const called: string[] = [];
    const OFFERED = [
      ["us-east-1a", "g5.xlarge"],
      ["us-east-1b", "g5.xlarge"],
      ["us-east-1b", "g6.xlarge"],
      ["us-east-1d", "g5.xlarge"],
    ];
    await mockEngine("dev", {
      calls: {
        "pulumi:pulumi:readStackResourceOutputs": ({ stackName }) => {
          expect(stackName).toBe("organization/spatialforge/dev");
          return { outputs };
        },
        "aws:index/getAvailabilityZones:getAvailabilityZones": () => {
          called.push("zones");
          return { names: ["us-east-1a", "us-east-1b"] };
        },
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": ({ locationType, filters }) => {
          called.push("offerings");
          expect(locationType).toBe("availability-zone");
          const [{ values }] = filters as { values: string[] }[];
          const offered = OFFERED.filter(([, type]) => values.includes(type));
          return { locations: offered.map(([zone]) => zone), instanceTypes: offered.map(([, type]) => type) };
        },
      },
    });
    return called;
  }

  it("reads the zones, the instance types, and the quota values of the last update from the state", async () => {
    await withState(STATE);
    expect(await deployedCapacity()).toEqual({
      zones: { 0: "us-east-1b", 1: "us-east-1d" },
      instanceTypes: ["g5.xlarge"],
      onGpu: new Map(),
      quotaValues: { spotGpu: 8 },
      elasticIps: 1,
    });
    await withState({});
    expect(await deployedCapacity()).toEqual({ zones: {}, elasticIps: 0, onGpu: new Map() });
  });

  it("does not ask AWS if all subnets exist and the instance types are the same", async () => {
    const called = await withState(STATE);
    const chosen = await availabilityZones(settings(["g5.xlarge"]), await deployedCapacity());
    expect(chosen).toEqual({ zones: ["us-east-1b", "us-east-1d"], problems: [] });
    expect(called).toEqual([]);
  });

  it("asks AWS if a subnet is missing, or if the instance types changed", async () => {
    const called = await withState(STATE);
    const third = await availabilityZones(settings(["g5.xlarge"], 3), await deployedCapacity());
    expect(third).toEqual({ zones: ["us-east-1b", "us-east-1d", "us-east-1a"], problems: [] });
    const { problems } = await availabilityZones(settings(["g6.xlarge"]), await deployedCapacity());
    expect(problems).toMatchObject([{ key: "aws.gpu.instanceTypes", value: "g6.xlarge" }]);
    expect(called.sort()).toEqual(["offerings", "offerings", "zones", "zones"]);
  });
});
