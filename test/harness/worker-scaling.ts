import * as pulumi from "@pulumi/pulumi";
import { Alarms } from "../../stack/aws/operations/alarms/alarms";
import { Scaling } from "../../stack/aws/service/scaling";
import type { ServiceSpec } from "../../stack/config/services";
import type { AutoScalingCalls } from "./auto-scaling";
import { byName, mockEngine, type Registered } from "./mocks";

/** Scales the workers. */
export const SCALING_ALARM = "scaling-worker";
/** Reports that the metric of the workers is missing. */
export const MISSING_ALARM = "alarms-worker-backlog-missing";

/** Creates the target, the policy, and the alarms of the workers with the inputs that the stack has for them. */
export async function createWorkerScaling(calls: AutoScalingCalls, resources: Registered[]): Promise<void> {
  const inputs = (type: string, name: string) => byName(resources, type)[name];
  const target = inputs("aws:appautoscaling/target:Target", SCALING_ALARM);
  await calls.applicationAutoScaling("RegisterScalableTarget", parameters(target) as object);
  const policy = parameters(inputs("aws:appautoscaling/policy:Policy", SCALING_ALARM)) as object;
  const { PolicyARN } = await calls.applicationAutoScaling("PutScalingPolicy", {
    ...policy,
    PolicyName: SCALING_ALARM,
  });
  for (const name of [SCALING_ALARM, MISSING_ALARM]) {
    const { dimensions, ...alarm } = inputs("aws:cloudwatch/metricAlarm:MetricAlarm", name);
    await calls.cloudWatch("PutMetricAlarm", {
      ...(parameters(alarm) as object),
      AlarmName: name,
      Dimensions: Object.entries(dimensions as object).map(([Name, Value]) => ({ Name, Value: String(Value) })),
      AlarmActions: name === SCALING_ALARM ? [PolicyARN] : [],
      OKActions: [],
    });
  }
}

/** The resources that the stack creates for scaling. From then on, code of the program that runs in a test belongs to the stack `dev`. */
export async function scalingResources(services: ServiceSpec[]): Promise<Registered[]> {
  const resources = await mockEngine("dev");
  new Scaling("scaling", {
    clusterName: "default",
    services,
    serviceNames: { api: "api", worker: "worker" },
    resourceLabel: "",
  });
  new Alarms("alarms", {
    name: "alarms",
    email: "",
    services,
    redis: { replicationGroupId: "redis", nodes: 1 },
    loadBalancer: { arnSuffix: "", targetGroupArnSuffix: "" },
    p95Latency: 60,
    gpuCapacity: { clusterName: "default", capacityProvider: "gpu" },
  });
  await pulumi.runtime.disconnect();
  return resources;
}

/** Inputs of a Pulumi resource as parameters of the AWS API. */
function parameters(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(parameters);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    entries.map(([name, one]) => [
      name[0].toUpperCase() + name.slice(1),
      name.startsWith("metricInterval") ? Number(one) : parameters(one),
    ]),
  );
}
