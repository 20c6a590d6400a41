import type { Emulator } from "./emulator";

type Answer = Record<string, Record<string, unknown>[]>;

/** Calls of services that have no client in this project. Their parameters are those of the APIs. */
export class AutoScalingCalls {
  constructor(private readonly emulator: Emulator) {}

  async cloudWatch(action: string, parameters: object): Promise<Answer> {
    const text = await this.emulator.call("monitoring", `GraniteServiceVersion20100801.${action}`, { ...parameters });
    return JSON.parse(text || "{}") as Answer;
  }

  /** A call of Application Auto Scaling for the service namespace `ecs`. */
  async applicationAutoScaling(action: string, parameters: object): Promise<Record<string, unknown>> {
    const text = await this.emulator.call("application-autoscaling", `AnyScaleFrontendService.${action}`, {
      ServiceNamespace: "ecs",
      ...parameters,
    });
    return JSON.parse(text) as Record<string, unknown>;
  }

  async alarm(name: string): Promise<{ StateValue: string; StateReason: string }> {
    const { MetricAlarms } = await this.cloudWatch("DescribeAlarms", { AlarmNames: [name] });
    return MetricAlarms[0] as { StateValue: string; StateReason: string };
  }

  /** Descriptions of the changes that Application Auto Scaling made to a service of the cluster `default`, the oldest first. */
  async changes(serviceName: string): Promise<string[]> {
    const ResourceId = `service/default/${serviceName}`;
    const found = await this.applicationAutoScaling("DescribeScalingActivities", { ResourceId });
    return (found.ScalingActivities as { Description: string }[]).map(({ Description }) => Description).reverse();
  }
}
