import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { cloudWatchClient } from "../../../stack/clients/aws";
import type { AlarmStatus } from "../model";
import { REDIS_MEMORY } from "./metrics";

/**
 * The alarms that notify the topic of the stack. Names of alarms do not contain the stack, and alarms that only scale services notify nobody.
 * @param clusterArn - names the partition, the region, and the account
 * @param awsName - PROJECT-STACK
 */
export async function stackAlarms(clusterArn: string, awsName: string): Promise<MetricAlarm[]> {
  const { client, paginateDescribeAlarms } = await cloudWatchClient();
  const [, partition, , region, account] = clusterArn.split(":");
  const topic = `arn:${partition}:sns:${region}:${account}:${awsName}-alarms`;
  const alarms: MetricAlarm[] = [];
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, { ActionPrefix: topic })) {
    alarms.push(...MetricAlarms.filter(({ AlarmActions = [] }) => AlarmActions.includes(topic)));
  }
  return alarms;
}

/** The alarms in the state ALARM. */
export const firing = (alarms: readonly MetricAlarm[]): AlarmStatus[] =>
  alarms
    .filter(({ StateValue }) => StateValue === "ALARM")
    .map(({ AlarmName = "", AlarmDescription = "", StateTransitionedTimestamp }) => ({
      name: AlarmName,
      description: AlarmDescription,
      since: StateTransitionedTimestamp?.toISOString(),
    }));

/** IDs of the nodes of Redis: each has an alarm for its memory. */
export const redisNodes = (alarms: readonly MetricAlarm[]): string[] =>
  alarms
    .filter(({ MetricName }) => MetricName === REDIS_MEMORY)
    .flatMap(({ Dimensions = [] }) => Dimensions.flatMap(({ Value }) => Value ?? []))
    .sort();
