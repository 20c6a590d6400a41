import type { Activity, AutoScalingGroup } from "@aws-sdk/client-auto-scaling";
import { autoScalingClient, ecsClient } from "../../../clients/aws";
import { launchFailure } from "./launch-failures";

export interface CapacityReasonsArgs {
  /** Name or ARN of the ECS cluster. */
  cluster: string;
  /** Activities that started earlier are left out. */
  since: Date;
}

/** Maximum number of activities on a page of DescribeScalingActivities. */
const PAGE_SIZE = 100;

/**
 * Why no GPU instance starts for tasks that wait in the state PROVISIONING: a sentence with a remedy for each cause, with the number of
 * attempts, the instance types, and the zones. ECS has no reason for such tasks: only the scaling activities of the Auto Scaling groups of
 * the cluster have it. Attempts before the last instance that started are left out. Empty if Auto Scaling has no problem.
 *
 * It never throws: if the activities cannot be read, it returns a sentence that says so.
 */
export async function capacityReasons({ cluster, since }: CapacityReasonsArgs): Promise<string[]> {
  try {
    const names = await autoScalingGroupNames(cluster);
    if (!names.length) return [];
    const { client, DescribeAutoScalingGroupsCommand } = await autoScalingClient();
    const { AutoScalingGroups = [] } = await client.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: names }),
    );
    const reasons = AutoScalingGroups.map(async (group) => {
      const failed = failedLaunches(await activitiesSince(group.AutoScalingGroupName!, since));
      return [...sizeReasons(group), ...launchReasons(group, failed)];
    });
    return (await Promise.all(reasons)).flat();
  } catch (error) {
    const { name, message } = error as Error;
    return [`why no GPU instance starts is unknown: the scaling activities cannot be read (${name}: ${message})`];
  }
}

/** Names of the Auto Scaling groups of the capacity providers of a cluster. */
async function autoScalingGroupNames(cluster: string): Promise<string[]> {
  const { client, DescribeCapacityProvidersCommand, DescribeClustersCommand } = await ecsClient();
  const { clusters = [] } = await client.send(new DescribeClustersCommand({ clusters: [cluster] }));
  const names = (clusters[0]?.capacityProviders ?? []).filter((name) => !name.startsWith("FARGATE"));
  if (!names.length) return []; // without names, the call would describe all providers of the account
  const command = new DescribeCapacityProvidersCommand({ capacityProviders: names });
  const { capacityProviders = [] } = await client.send(command);
  return capacityProviders.flatMap(({ autoScalingGroupProvider }) => {
    const arn = autoScalingGroupProvider?.autoScalingGroupArn;
    return arn ? [arn.split("autoScalingGroupName/").at(-1)!] : [];
  });
}

/** The activities of a group that started at a time or later, the newest first, as AWS returns them. */
async function activitiesSince(group: string, since: Date): Promise<Activity[]> {
  const { client, DescribeScalingActivitiesCommand } = await autoScalingClient();
  const found: Activity[] = [];
  let token: string | undefined;
  do {
    const { Activities = [], NextToken } = await client.send(
      new DescribeScalingActivitiesCommand({
        AutoScalingGroupName: group,
        MaxRecords: PAGE_SIZE,
        NextToken: token,
      }),
    );
    const recent = Activities.filter(({ StartTime }) => StartTime! >= since);
    found.push(...recent);
    token = recent.length === Activities.length ? NextToken : undefined;
  } while (token);
  return found;
}

const isLaunch = ({ Description = "" }: Activity): boolean => Description.startsWith("Launching");

/** The launches that failed after the last one that succeeded. */
function failedLaunches(activities: readonly Activity[]): Activity[] {
  const launches = activities.filter(isLaunch);
  const success = launches.findIndex(({ StatusCode }) => StatusCode === "Successful");
  return launches
    .slice(0, success < 0 ? undefined : success)
    .filter(({ StatusCode }) => StatusCode === "Failed" || StatusCode === "Cancelled");
}

/** Whether the group has as many instances as it may have. */
function sizeReasons({ AutoScalingGroupName, Instances = [], MaxSize = 0 }: AutoScalingGroup): string[] {
  const running = Instances.filter(({ LifecycleState }) => LifecycleState === "InService").length;
  if (running < MaxSize) return [];
  return [
    `the Auto Scaling group ${AutoScalingGroupName} has its maximum of ${MaxSize} instances: raise aws.gpu.maxInstances`,
  ];
}

/** One sentence for each cause and remedy. */
function launchReasons(group: AutoScalingGroup, failed: readonly Activity[]): string[] {
  const configured = group.MixedInstancesPolicy?.LaunchTemplate?.Overrides ?? [];
  const types = configured.flatMap(({ InstanceType }) => InstanceType ?? []);
  const byReason = new Map<string, Activity[]>();
  for (const activity of failed) {
    const { cause, remedy } = launchFailure(activity.StatusMessage || activity.Description || "");
    const reason = `${cause}. ${remedy}.`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), activity]);
  }
  return [...byReason].map(([reason, activities]) => {
    const named = unique(activities.flatMap(typesOf));
    const tried = [...(named.length ? named : types), ...unique(activities.flatMap(zonesOf))];
    const attempts = `${activities.length} ${activities.length === 1 ? "attempt" : "attempts"}`;
    return `no GPU instance started (${[attempts, ...tried].join(", ")}): ${reason}`;
  });
}

/** Instance types that a status message names. */
const typesOf = ({ StatusMessage = "" }: Activity): string[] =>
  StatusMessage.match(/\b(?:g|vt|p)\d\w*\.(?:\d*xlarge|metal)\b/g) ?? [];

/** The zone of an activity. `Details` is JSON. Auto Scaling writes the zone there, and EC2 writes it into some messages. */
function zonesOf({ Details, StatusMessage = "" }: Activity): string[] {
  const { "Availability Zone": zone } = JSON.parse(Details || "{}") as Record<string, string | undefined>;
  if (zone) return [zone];
  return /requested(?: Availability Zone)? \(([\w-]+)\)/.exec(StatusMessage)?.slice(1) ?? [];
}

const unique = (values: readonly string[]): string[] => [...new Set(values)].sort();
