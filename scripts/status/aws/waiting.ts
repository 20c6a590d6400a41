import { capacityReasons } from "../../../stack/aws/operations/rollout/capacity-reasons";
import type { WaitingTasks } from "../model";
import type { RoleService } from "./services";

/** The roles with tasks that wait for an instance, and why none starts. */
export async function waitingTasks(cluster: string, services: readonly RoleService[]): Promise<WaitingTasks[]> {
  const found = services.map(async ({ spec, tasks }): Promise<WaitingTasks[]> => {
    // Tasks on Fargate are in this state for some seconds.
    const waiting = spec.gpu ? tasks.filter(({ lastStatus }) => lastStatus === "PROVISIONING") : [];
    if (!waiting.length) return [];
    const since = new Date(Math.min(...waiting.map(({ createdAt }) => Number(createdAt ?? new Date()))));
    return [{ role: spec.name, tasks: waiting.length, reasons: await capacityReasons({ cluster, since }) }];
  });
  return (await Promise.all(found)).flat();
}
