import type { Instance, InstanceRefresh } from "@aws-sdk/client-auto-scaling";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { refreshInstances } from "../../stack/aws/compute/instance-refresh";
import * as clients from "../../stack/clients/aws";

const POLICY = {
  LaunchTemplate: {
    LaunchTemplateSpecification: { LaunchTemplateId: "lt-1", Version: "2" },
    Overrides: [{ InstanceType: "g5.xlarge" }, { InstanceType: "g6.xlarge" }],
  },
};

const instance = (Version: string, InstanceType = "g5.xlarge", LifecycleState = "InService") =>
  ({ LaunchTemplate: { LaunchTemplateId: "lt-1", Version }, InstanceType, LifecycleState }) as Instance;

/** Auto Scaling with these instances. A refresh has these states, one for each request; the last one stays. */
function autoScaling(
  instances: Instance[] | undefined,
  states: InstanceRefresh[] = [],
  leftBehind?: InstanceRefresh[],
) {
  const calls: [name: string, input: Record<string, unknown>][] = [];
  const active: Record<string, InstanceRefresh[]> = { new: [...states], old: [...(leftBehind ?? [])] };
  const next = (id: string): InstanceRefresh => ({
    InstanceRefreshId: id,
    ...(active[id].length > 1 ? active[id].shift() : active[id][0]),
  });
  const respond: Record<string, (input: Record<string, unknown>) => object> = {
    DescribeAutoScalingGroupsCommand: () => ({ AutoScalingGroups: instances ? [{ Instances: instances }] : [] }),
    DescribeInstanceRefreshesCommand: ({
      InstanceRefreshIds: [id] = leftBehind ? ["old"] : [],
    }: {
      InstanceRefreshIds?: string[];
    }) => ({
      InstanceRefreshes: id ? [next(id)] : [],
    }),
    StartInstanceRefreshCommand: () => ({ InstanceRefreshId: "new" }),
    RollbackInstanceRefreshCommand: () => {
      active.new = [{ Status: "RollbackInProgress" }, { Status: "RollbackSuccessful" }];
      return {};
    },
    DescribeScalingActivitiesCommand: () => ({
      Activities: [{ StatusCode: "Failed", StatusMessage: "VcpuLimitExceeded", StartTime: new Date(2) }],
    }),
  };
  const commands = Object.fromEntries(
    Object.keys(respond).map((name) => [
      name,
      class {
        readonly name = name;
        constructor(readonly input: Record<string, unknown>) {}
      },
    ]),
  );
  const send = ({ name, input }: { name: string; input: Record<string, unknown> }) => {
    calls.push([name, input]);
    return Promise.resolve(respond[name](input));
  };
  vi.spyOn(clients, "autoScalingClient").mockResolvedValue({ client: { send }, ...commands } as never);
  return { calls, names: () => calls.map(([name]) => name.replace("Command", "")) };
}

const lines: string[] = [];

/** Waits for the instances. The time between two requests passes at once. */
async function refresh(timeout = 60): Promise<void> {
  let settled = false;
  const done = refreshInstances({ group: "gpu", policy: POLICY, timeout, log: (line) => void lines.push(line) });
  const settle = () => void (settled = true);
  done.then(settle, settle);
  while (!settled) await vi.advanceTimersByTimeAsync(1000);
  return done;
}

beforeEach(() => {
  lines.length = 0;
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

describe("instances", () => {
  it.each([
    ["the group does not exist", undefined],
    ["there are none", []],
    ["all match the launch template and the instance types", [instance("2"), instance("2", "g6.xlarge")]],
    ["those that do not match are terminating", [instance("1", "g5.xlarge", "Terminating:Wait")]],
  ])("are not replaced if %s", async (_, instances) => {
    const { names } = autoScaling(instances);
    await refresh();
    expect(names()).toEqual(["DescribeAutoScalingGroups"]);
  });

  it.each([
    ["another version of the launch template", instance("1")],
    ["an instance type that is no longer in the settings", instance("2", "g4dn.xlarge")],
  ])("with %s are replaced, with a rollback to the configuration of the group", async (_, old) => {
    const { calls, names } = autoScaling([old], [{ Status: "InProgress" }, { Status: "Successful" }]);
    await refresh();
    expect(Object.fromEntries(calls).StartInstanceRefreshCommand).toEqual({
      AutoScalingGroupName: "gpu",
      DesiredConfiguration: { MixedInstancesPolicy: POLICY },
      Preferences: {
        AutoRollback: true,
        SkipMatching: true,
        ScaleInProtectedInstances: "Refresh",
        MinHealthyPercentage: 100,
        MaxHealthyPercentage: 200,
      },
    });
    expect(names()).not.toContain("RollbackInstanceRefresh");
  });
});

describe("a refresh", () => {
  it("that is rolled back fails the update with its reason and the reason of the failed scaling activity", async () => {
    const StatusReason = "instances failed their status checks";
    autoScaling([instance("1")], [{ Status: "RollbackSuccessful", StatusReason, StartTime: new Date(1) }]);
    await expect(refresh()).rejects.toThrow(
      /^gpu: the GPU instances were not replaced: instance refresh RollbackSuccessful: instances failed their status checks; VcpuLimitExceeded\n.*the previous launch template again.*run `pulumi up` again\.$/,
    );
  });

  it("that makes no progress within the timeout is rolled back", async () => {
    const { names } = autoScaling([instance("1")], [{ Status: "InProgress", StatusReason: "waiting for instances" }]);
    await expect(refresh(10)).rejects.toThrow(/instance refresh RollbackSuccessful/);
    expect(lines).toContain("no progress within 10 s (waiting for instances): rolling back");
    expect(names().filter((name) => name === "RollbackInstanceRefresh")).toHaveLength(1);
  });

  it("that makes progress is not rolled back, however long it takes", async () => {
    const steps = Array.from(
      { length: 10 },
      (_, step) => ({ Status: "InProgress", PercentageComplete: step }) as const,
    );
    const { names } = autoScaling([instance("1")], [...steps, { Status: "Successful" }]);
    await refresh(5);
    expect(names()).not.toContain("RollbackInstanceRefresh");
  });

  it("of an earlier update ends before another one starts", async () => {
    const left: InstanceRefresh[] = [{ Status: "InProgress" }, { Status: "InProgress" }, { Status: "Failed" }];
    const { names } = autoScaling([instance("1")], [{ Status: "Successful" }], left);
    await refresh();
    const order = names();
    expect(order.indexOf("StartInstanceRefresh")).toBeGreaterThan(order.indexOf("DescribeInstanceRefreshes") + 1);
    expect(lines[0]).toBe("instance refresh InProgress, 0 %, 0 to replace");
  });
});
