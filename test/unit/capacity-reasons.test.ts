import type { Activity } from "@aws-sdk/client-auto-scaling";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { capacityReasons } from "../../stack/aws/operations/rollout/capacity-reasons";
import { launchFailure } from "../../stack/aws/operations/rollout/launch-failures";
import * as clients from "../../stack/clients/aws";

const START = new Date("2026-01-01T12:00:00Z");
const VCPU_LIMIT =
  "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 " +
  "allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request " +
  "to request an adjustment to this limit. Launching EC2 instance failed.";

const noCapacity = (type: string, zone: string) =>
  `Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient ${type} capacity in the ` +
  `Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity. You can currently get ${type} ` +
  "capacity by not specifying an Availability Zone in your request or choosing us-east-1f. Launching EC2 instance failed.";

/** An activity as DescribeScalingActivities returns it. @param minute - after {@link START} */
const activity = (minute: number, StatusMessage: string, zone?: string, more: Partial<Activity> = {}): Activity => ({
  ActivityId: String(minute),
  AutoScalingGroupName: "gpu",
  Cause: "an instance was started in response to a difference between desired and actual capacity",
  Description: `Launching a new EC2 instance.  Status Reason: ${StatusMessage}`,
  StatusCode: "Failed",
  StatusMessage,
  StartTime: new Date(START.getTime() + minute * 60_000),
  Details: zone && JSON.stringify({ "Subnet ID": "subnet-1", "Availability Zone": zone }),
  ...more,
});

const launched = (minute: number) =>
  activity(minute, "", "us-east-1a", { StatusCode: "Successful", Description: "Launching a new EC2 instance: i-1" });

let pages: Activity[][];
let instances: { LifecycleState: string }[];
let providers: string[];

beforeEach(() => {
  [pages, instances, providers] = [[], [], ["FARGATE", "cluster-gpu"]];
  class Command {
    constructor(readonly input: Record<string, unknown>) {}
  }
  const commands = {
    DescribeClustersCommand: class Clusters extends Command {},
    DescribeCapacityProvidersCommand: class Providers extends Command {},
    DescribeAutoScalingGroupsCommand: class Groups extends Command {},
    DescribeScalingActivitiesCommand: class Activities extends Command {},
  };
  const autoScalingGroupArn = "arn:aws:autoscaling:us-east-1:1:autoScalingGroup:0a:autoScalingGroupName/gpu";
  const Overrides = [{ InstanceType: "g5.xlarge" }, { InstanceType: "g6.xlarge" }];
  const responses: Record<string, (input: Record<string, unknown>) => unknown> = {
    Clusters: () => ({ clusters: [{ capacityProviders: providers }] }),
    Providers: ({ capacityProviders }) => {
      expect(capacityProviders).toEqual(["cluster-gpu"]);
      return { capacityProviders: [{ autoScalingGroupProvider: { autoScalingGroupArn } }] };
    },
    Groups: ({ AutoScalingGroupNames }) => {
      expect(AutoScalingGroupNames).toEqual(["gpu"]);
      const MixedInstancesPolicy = { LaunchTemplate: { Overrides } };
      return {
        AutoScalingGroups: [{ AutoScalingGroupName: "gpu", MaxSize: 2, Instances: instances, MixedInstancesPolicy }],
      };
    },
    Activities: ({ NextToken = "0" }) => {
      const page = Number(NextToken);
      return { Activities: pages[page] ?? [], NextToken: page + 1 < pages.length ? String(page + 1) : undefined };
    },
  };
  const send = async (command: Command) => responses[command.constructor.name](command.input);
  const client = { client: { send }, ...commands } as never;
  vi.spyOn(clients, "ecsClient").mockResolvedValue(client);
  vi.spyOn(clients, "autoScalingClient").mockResolvedValue(client);
});

const reasons = () => capacityReasons({ cluster: "sf", since: START });

describe("why no GPU instance starts", () => {
  it("a quota that is too low: its name, code, and value, the types of the group, the zones, and the remedy", async () => {
    pages = [[activity(2, VCPU_LIMIT, "us-east-1b"), activity(1, VCPU_LIMIT, "us-east-1a")]];
    expect(await reasons()).toEqual([
      'no GPU instance started (2 attempts, g5.xlarge, g6.xlarge, us-east-1a, us-east-1b): the quota "Running On-Demand G and VT instances" ' +
        "(L-DB2E81BA) is too low: it is 0 vCPUs. Request an increase with `aws service-quotas request-service-quota-increase --service-code ec2 " +
        "--quota-code L-DB2E81BA --desired-value VALUE`.",
    ]);
  });

  it("no capacity: the types and zones that EC2 names, in one sentence", async () => {
    pages = [
      [
        activity(3, noCapacity("g6.xlarge", "us-east-1b")),
        activity(2, noCapacity("g5.xlarge", "us-east-1b"), "us-east-1b"),
        activity(1, noCapacity("g5.xlarge", "us-east-1a"), "us-east-1a"),
      ],
    ];
    expect(await reasons()).toEqual([
      expect.stringMatching(
        /^no GPU instance started \(3 attempts, g5\.xlarge, g6\.xlarge, us-east-1a, us-east-1b\): AWS has no capacity of the instance type\. Auto Scaling tries again\. /,
      ),
    ]);
  });

  it("each cause has its own sentence, and an instance that was launched and then ended counts", async () => {
    const encryption =
      "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InternalError: Client error on launch";
    pages = [[activity(2, encryption, "us-east-1a", { StatusCode: "Cancelled" }), activity(1, VCPU_LIMIT)]];
    expect(await reasons()).toEqual([
      expect.stringMatching(/the volume of the instance could not be encrypted\. Allow .*AWSServiceRoleForAutoScaling/),
      expect.stringContaining("L-DB2E81BA"),
    ]);
  });

  it("leaves out what is older, what a later launch made up for, and what is no launch", async () => {
    const terminated = activity(5, "", "us-east-1a", { Description: "Terminating EC2 instance: i-1" });
    pages = [[terminated, launched(3), activity(2, VCPU_LIMIT), activity(-1, VCPU_LIMIT)]];
    expect(await reasons()).toEqual([]);
    pages = [[activity(4, VCPU_LIMIT), launched(3), activity(2, VCPU_LIMIT)]];
    expect(await reasons()).toEqual([expect.stringContaining("(1 attempt, ")]);
  });

  it("reads the pages until an activity is older", async () => {
    pages = [[activity(2, VCPU_LIMIT)], [activity(1, VCPU_LIMIT), activity(-1, VCPU_LIMIT)], [activity(-2, "unread")]];
    expect(await reasons()).toEqual([expect.stringContaining("(2 attempts, ")]);
  });

  it("the group has its maximum size", async () => {
    instances = [{ LifecycleState: "InService" }, { LifecycleState: "Pending" }];
    expect(await reasons()).toEqual([]);
    instances = [{ LifecycleState: "InService" }, { LifecycleState: "InService" }];
    expect(await reasons()).toEqual([
      "the Auto Scaling group gpu has its maximum of 2 instances: raise aws.gpu.maxInstances",
    ]);
  });

  it("a cluster without an Auto Scaling group has none, and a refused call is a reason", async () => {
    providers = ["FARGATE"];
    expect(await reasons()).toEqual([]);
    const refused = Object.assign(new Error("not authorized"), { name: "AccessDeniedException" });
    vi.spyOn(clients, "ecsClient").mockRejectedValue(refused);
    expect(await reasons()).toEqual([
      "why no GPU instance starts is unknown: the scaling activities cannot be read (AccessDeniedException: not authorized)",
    ]);
  });
});

it.each([
  ["Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.", /L-3819A6DF/],
  ["Max spot instance count exceeded. Placing Spot instance request failed.", /L-3819A6DF/],
  [
    "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request configuration.",
    /no spot capacity.*onDemandBaseCapacity/,
  ],
  ["There is no Spot capacity available that matches your request.", /no spot capacity/],
  [
    "Could not launch On-Demand Instances. Unsupported - Your requested instance type (g6.xlarge) is not supported in your requested Availability Zone (us-east-1e).",
    /does not offer the instance type/,
  ],
  ["VolumeLimitExceeded - You have exceeded your maximum volume storage limit of 50 TiB", /L-7A658B76/],
  ["Instance became unhealthy [...] Termination Reason: Client.InvalidKMSKey.InvalidState: ...", /encrypted/],
  ["Server.InternalError: Internal error on launch", /internal error/],
  [
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted - The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    /aws iam create-service-linked-role --aws-service-name spot\.amazonaws\.com/,
  ],
  [
    "Could not launch On-Demand Instances. InvalidParameterCombination - The specified instance type is not eligible for Free Tier.",
    /Free plan/,
  ],
  ["PendingVerification - Your request for accessing resources in this region is being validated", /not activated/],
  ["InvalidAMIID.NotFound - The image id '[ami-0]' does not exist", /npm run lock -- --ami/],
  ["You must use a valid fully-formed launch template. The parameter x is not valid", /launch template .* not valid/],
  ["InsufficientFreeAddressesInSubnet - There are not enough free addresses in subnet", /no free IP addresses/],
  ["Something that nobody has seen. ", /^Something that nobody has seen\. See the scaling activities/],
])("explains %s", (message, expected) => {
  const { cause, remedy } = launchFailure(message);
  expect(`${cause}. ${remedy}`).toMatch(expected);
});
