import { beforeEach, describe, expect, it, vi } from "vitest";
import * as clients from "../../stack/clients/aws";
import { settingsSchema } from "../../stack/config/schema";
import { inspectAccount } from "../../stack/preflight/account";
import * as quotas from "../../stack/preflight/quotas";
import { mockEngine, type MockOptions } from "../harness/mocks";

const STATE = "pulumi:pulumi:readStackResourceOutputs";
const ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones";
const OFFERINGS = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings";

const account = async (calls: MockOptions["calls"] = {}, values: object = {}) => {
  await mockEngine("dev", {
    calls: {
      [ZONES]: () => ({ names: ["a", "b", "c"] }),
      [OFFERINGS]: () => ({ locations: ["b", "c"], instanceTypes: ["g5.xlarge", "g5.xlarge"] }),
      ...calls,
    },
  });
  return inspectAccount(settingsSchema.parse({ platform: "aws", ...values }));
};

/** A call that the engine answers with an error. */
const fails = (details: string) => () => {
  throw Object.assign(new Error(details), { details });
};

beforeEach(() => void vi.spyOn(quotas, "quotaProblems").mockResolvedValue([]));

it("chooses the zones of a new stack", async () => {
  expect(await account()).toEqual({ problems: [], availabilityZones: ["b", "c"] });
});

it("lists the problems of the zones together with those of the quotas", async () => {
  vi.mocked(quotas.quotaProblems).mockResolvedValue([{ key: "aws.gpu.maxInstances", remedy: "too many" }]);
  const { problems } = await account({ [ZONES]: () => ({ names: ["a", "b"] }) });
  expect(problems.map(({ key }) => key)).toEqual(["aws.network.availabilityZones", "aws.gpu.maxInstances"]);
});

it("leaves an instance type that does not exist to the rules of the settings", async () => {
  const { problems } = await account({}, { aws: { gpu: { instanceTypes: ["g5.huge"] } } });
  expect(problems).toEqual([]);
});

it.each([
  ["zones that may not be read", OFFERINGS, /the zones of the region cannot be read: .*not authorized/],
  ["a state that cannot be read", STATE, /the state of the stack cannot be read \(.*not authorized.*\)/],
])("%s: one problem", async (_, token, remedy) => {
  const { problems } = await account({ [token]: fails("not authorized") });
  expect(problems).toEqual([{ key: "platform", value: "aws", remedy: expect.stringMatching(remedy) }]);
});

describe("the releases in ECR", () => {
  const release = "abc-123";
  const ecr = (send: () => Promise<object>) =>
    vi.spyOn(clients, "ecrClient").mockResolvedValue({ client: { send }, DescribeImagesCommand: class {} } as never);

  it("that cannot be read are one problem with the reason and the permission", async () => {
    ecr(() => Promise.reject(Object.assign(new Error("no identity-based policy"), { name: "AccessDeniedException" })));
    const { problems } = await account({}, { release });
    expect(problems).toEqual([
      {
        key: "release",
        value: release,
        remedy:
          "the releases in the ECR repository spatialforge-dev cannot be read (AccessDeniedException: no identity-based policy): " +
          "allow ecr:DescribeImages, or check the connection to ECR",
      },
    ]);
  });

  it("must have the release of the settings", async () => {
    ecr(() => Promise.resolve({ imageDetails: [] }));
    expect((await account({}, { release })).problems).toMatchObject([{ key: "release", value: release }]);
  });
});
