import type { Instance, InstanceRefresh, MixedInstancesPolicy } from "@aws-sdk/client-auto-scaling";
import { autoScalingClient } from "../../clients/aws";
import { userError } from "../../pulumi/user-error";

export interface InstanceRefreshArgs {
  /** Name of the Auto Scaling group. It does not have to exist. */
  group: string;
  /** The policy that the group must have. Its launch template has an ID and a version number. */
  policy: MixedInstancesPolicy;
  /** Seconds within which a refresh must make progress: a new instance starts, and the tasks on an old instance end. */
  timeout: number;
  /** Receives a line for each change of the state. */
  log: (line: string) => void;
}

const POLL_INTERVAL_MS = 2000;

/** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceRefresh.html (Status) */
const FINAL_STATUSES = new Set(["Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed"]);

/**
 * Preferences of a refresh. New instances start before old ones end. ECS drains an instance before it ends. Instances that run tasks are
 * protected from scale-in, and by default a refresh does not replace them.
 */
const PREFERENCES = {
  AutoRollback: true,
  SkipMatching: true,
  ScaleInProtectedInstances: "Refresh",
  MinHealthyPercentage: 100,
  MaxHealthyPercentage: 200,
} as const;

/**
 * Replaces the instances of an Auto Scaling group that have another launch template version or instance type than the policy. Waits until
 * the instance refresh ends. Does nothing if all instances match.
 *
 * Call it before the group gets the policy. A rollback restores the configuration that the group had before the refresh, and a successful
 * refresh changes the group. The provider cannot do this: it changes the group before it starts a refresh, so that its `autoRollback` starts
 * instances of the new version again (https://github.com/hashicorp/terraform-provider-aws/issues/34189).
 *
 * Only the instances decide whether a refresh is needed. So after a rollback, or after an update that was killed, an update with the same
 * settings starts the refresh again.
 *
 * @throws RunError with the reason, if the refresh fails, is rolled back, or makes no progress within the timeout
 */
export async function refreshInstances(args: InstanceRefreshArgs): Promise<void> {
  const { client, DescribeInstanceRefreshesCommand, StartInstanceRefreshCommand } = await autoScalingClient();
  const AutoScalingGroupName = args.group;
  if (!(await outdatedInstances(args))) return;

  // An earlier update can have ended before its refresh. A group can have only one refresh at a time.
  const { InstanceRefreshes: [latest] = [] } = await client.send(
    new DescribeInstanceRefreshesCommand({ AutoScalingGroupName, MaxRecords: 1 }),
  );
  if (latest && isActive(latest)) await waitForRefresh(args, latest.InstanceRefreshId!);

  const outdated = await outdatedInstances(args);
  if (!outdated) return;
  args.log(`${outdated} ${outdated === 1 ? "instance has" : "instances have"} an old launch template: replacing`);
  const DesiredConfiguration = { MixedInstancesPolicy: args.policy };
  const { InstanceRefreshId } = await client.send(
    new StartInstanceRefreshCommand({ AutoScalingGroupName, DesiredConfiguration, Preferences: PREFERENCES }),
  );
  const refresh = await waitForRefresh(args, InstanceRefreshId!);
  if (refresh.Status !== "Successful") throw userError(await failureMessage(args, refresh));
}

const isActive = ({ Status }: InstanceRefresh): boolean => !FINAL_STATUSES.has(Status ?? "");

/** Number of instances that do not match the policy. Instances that end by themselves do not count. */
async function outdatedInstances({ group, policy }: InstanceRefreshArgs): Promise<number> {
  const { client, DescribeAutoScalingGroupsCommand } = await autoScalingClient();
  const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] });
  const { AutoScalingGroups: [found] = [] } = await client.send(command);
  const { LaunchTemplateSpecification: wanted, Overrides = [] } = policy.LaunchTemplate ?? {};
  const instanceTypes = Overrides.map(({ InstanceType }) => InstanceType);
  const matches = ({ LaunchTemplate, InstanceType }: Instance) =>
    LaunchTemplate?.LaunchTemplateId === wanted?.LaunchTemplateId &&
    LaunchTemplate?.Version === wanted?.Version &&
    instanceTypes.includes(InstanceType);
  const stays = ({ LifecycleState }: Instance) => !/^(Terminat|Detach)/.test(LifecycleState ?? "");
  return (found?.Instances ?? []).filter((instance) => stays(instance) && !matches(instance)).length;
}

/**
 * Waits until a refresh ends. If it makes no progress within the timeout, it is rolled back.
 * @returns the refresh with its final status, or with the status RollbackInProgress if the rollback makes no progress either
 */
async function waitForRefresh(args: InstanceRefreshArgs, id: string): Promise<InstanceRefresh> {
  const { client, DescribeInstanceRefreshesCommand, RollbackInstanceRefreshCommand } = await autoScalingClient();
  const { group: AutoScalingGroupName, timeout, log } = args;
  const command = new DescribeInstanceRefreshesCommand({ AutoScalingGroupName, InstanceRefreshIds: [id] });
  let lastSummary = "";
  let deadline = Infinity;
  for (;;) {
    const [refresh] = (await client.send(command)).InstanceRefreshes ?? [];
    if (!isActive(refresh)) return refresh;
    const { Status, StatusReason, PercentageComplete = 0, InstancesToUpdate = 0 } = refresh;
    const summary = `instance refresh ${Status}, ${PercentageComplete} %, ${InstancesToUpdate} to replace`;
    if (summary !== lastSummary) {
      log((lastSummary = summary));
      deadline = Date.now() + timeout * 1000;
    }
    if (Date.now() > deadline) {
      if (Status === "RollbackInProgress") return refresh;
      log(`no progress within ${timeout} s${StatusReason ? ` (${StatusReason})` : ""}: rolling back`);
      await client.send(new RollbackInstanceRefreshCommand({ AutoScalingGroupName }));
      deadline = Infinity;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

async function failureMessage(args: InstanceRefreshArgs, refresh: InstanceRefresh): Promise<string> {
  const { Status, StatusReason, StartTime } = refresh;
  const reasons = [StatusReason, await failedActivity(args.group, StartTime)].filter(Boolean).join("; ");
  return [
    `${args.group}: the GPU instances were not replaced: instance refresh ${Status}${reasons ? `: ${reasons}` : ""}`,
    Status === "RollbackSuccessful"
      ? "The instances have the previous launch template again, and no service was changed. Fix the cause, for example spatialforge:aws.gpu.amiName, and run `pulumi up` again."
      : "No service was changed. Look at the instances in the Auto Scaling group, fix the cause, and run `pulumi up` again.",
  ].join("\n");
}

/** The reason of the latest scaling activity that failed during the refresh. */
async function failedActivity(group: string, since = new Date(0)): Promise<string | undefined> {
  const { client, DescribeScalingActivitiesCommand } = await autoScalingClient();
  const command = new DescribeScalingActivitiesCommand({ AutoScalingGroupName: group, MaxRecords: 20 });
  const { Activities = [] } = await client.send(command);
  return Activities.find(({ StatusCode, StartTime }) => StatusCode === "Failed" && StartTime && StartTime >= since)
    ?.StatusMessage;
}
