import { DEPLOYMENT_ALARM_SECTIONS, runbookLink } from "../alarms/runbook";
import { latestServiceDeployment, type ServiceId } from "./service-client";

/** The alarms that ended the latest deployment of a service: a line for each. The reason of ECS does not name them. */
export async function triggeredAlarms(service: ServiceId): Promise<string[]> {
  const names = (await latestServiceDeployment(service))?.alarms?.triggeredAlarmNames ?? [];
  return names.map((name) => {
    const section = Object.entries(DEPLOYMENT_ALARM_SECTIONS).find(([end]) => name.endsWith(`-${end}`))?.[1];
    return [`the alarm ${name} was in ALARM.`, ...(section ? [runbookLink(section)] : [])].join(" ");
  });
}
