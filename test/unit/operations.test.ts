import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RUNBOOK } from "../../stack/aws/operations/alarms/runbook";
import { METRICS } from "../../stack/aws/operations/metrics";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import { byName } from "../harness/mocks";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const DASHBOARD = "aws:cloudwatch/dashboard:Dashboard";

const ALB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html";
const INSIGHTS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html";
const ELASTICACHE = "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html";
const CAPACITY = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html";
const PUBLISHER = "images/runtime/publisher.py";
const GPU = "images/runtime/gpu_metrics.py";

/** Every metric that an alarm or a panel names, and its source: the file that publishes it, or the page of AWS that documents it. */
const SOURCES: Record<string, string> = {
  "AWS/ApplicationELB HTTPCode_ELB_5XX_Count": ALB,
  "AWS/ApplicationELB HTTPCode_Target_4XX_Count": ALB,
  "AWS/ApplicationELB HTTPCode_Target_5XX_Count": ALB,
  "AWS/ApplicationELB HealthyHostCount": ALB,
  "AWS/ApplicationELB RequestCount": ALB,
  "AWS/ApplicationELB TargetResponseTime": ALB,
  "AWS/ApplicationELB UnHealthyHostCount": ALB,
  "AWS/ECS/ManagedScaling CapacityProviderReservation": CAPACITY,
  "AWS/ElastiCache DatabaseMemoryUsagePercentage": ELASTICACHE,
  "AWS/ElastiCache EngineCPUUtilization": ELASTICACHE,
  "AWS/ElastiCache Evictions": ELASTICACHE,
  "AWS/ElastiCache ReplicationLag": ELASTICACHE,
  "ECS/ContainerInsights ContainerInstanceCount": INSIGHTS,
  "ECS/ContainerInsights DeploymentCount": INSIGHTS,
  "ECS/ContainerInsights DesiredTaskCount": INSIGHTS,
  "ECS/ContainerInsights RunningTaskCount": INSIGHTS,
  "SpatialForge Backlog": PUBLISHER,
  "SpatialForge BacklogAge": PUBLISHER,
  "SpatialForge GpuEccErrors": GPU,
  "SpatialForge GpuErrors": GPU,
  "SpatialForge GpuMemoryTotal": GPU,
  "SpatialForge GpuMemoryUsed": GPU,
  "SpatialForge GpuPower": GPU,
  "SpatialForge GpuTemperature": GPU,
  "SpatialForge GpuUtilization": GPU,
  "SpatialForge GpuXidErrors": GPU,
  "SpatialForge WantedTasks": PUBLISHER,
};

type Metric = [namespace: string, name: string, ...rest: unknown[]];
interface Widget {
  x: number;
  y: number;
  width: number;
  height: number;
  properties: { title: string; region: string; metrics: Metric[] };
}

async function stack(name: "dev" | "prod") {
  const resources = await awsPlatform(name);
  const { dashboard } = byName(resources, DASHBOARD);
  const { widgets } = JSON.parse(dashboard.dashboardBody as string) as { widgets: Widget[] };
  return { alarms: byName(resources, ALARM), dashboard, widgets };
}

describe.each(["dev", "prod"] as const)("the alarms and the dashboard of %s", (name) => {
  it("name metrics that the images publish or AWS documents", async () => {
    const { alarms, widgets } = await stack(name);
    const named = [
      ...Object.values(alarms).map(({ namespace, metricName }) => `${namespace} ${metricName}`),
      ...widgets.flatMap(({ properties: { metrics } }) =>
        metrics.map(([namespace, metric]) => `${namespace} ${metric}`),
      ),
    ];
    for (const metric of named) expect(SOURCES, metric).toHaveProperty([metric]);
    // Only Redis with a replica has a replication lag.
    const unused = Object.keys(SOURCES).filter((metric) => !named.includes(metric));
    expect(unused).toEqual(name === "dev" ? ["AWS/ElastiCache ReplicationLag"] : []);
  });

  it("a panel has its place, and the dashboard has at most the 50 metrics of the basic price", async () => {
    const { dashboard, widgets } = await stack(name);
    expect(dashboard.dashboardName).toBe(`spatialforge-${name}`);
    const places = widgets.map(({ x, y }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(widgets.length);
    for (const { x, width, properties } of widgets) {
      expect(x + width).toBeLessThanOrEqual(24);
      expect(properties.region).toBe("eu-west-1");
      expect(properties.metrics.length, properties.title).toBeGreaterThan(0);
    }
    const metrics = widgets.flatMap(({ properties }) =>
      properties.metrics.map((one) => JSON.stringify(one.slice(0, -1))),
    );
    expect(new Set(metrics).size).toBeLessThanOrEqual(50);
  });

  it("the description of an alarm ends with its section of the runbook", async () => {
    const { alarms } = await stack(name);
    const described = Object.entries(alarms).filter(([id]) => !id.startsWith("scaling-")); // they need no action
    expect(described.length).toBeGreaterThan(12);
    for (const [id, { alarmDescription }] of described) {
      const [, anchor] = /\. Runbook: docs\/operations\.md#([a-z-]+)$/.exec(alarmDescription as string) ?? [];
      expect(Object.values(RUNBOOK), id).toContain(anchor);
    }
  });
});

it("the metrics of our images are in the script that publishes them", () => {
  const own = Object.entries(SOURCES).filter(([metric]) => metric.startsWith(`${METRICS.namespace} `));
  for (const [metric, file] of own) {
    expect(readFileSync(join(ROOT, file), "utf8"), file).toContain(`"${metric.split(" ")[1]}": "`);
  }
  expect(own.map(([metric]) => metric.split(" ")[1]).sort()).toEqual(
    Object.entries(METRICS)
      .filter(([key]) => key !== "namespace")
      .map(([, metric]) => metric)
      .sort(),
  );
});

it("each section of the runbook exists", () => {
  const headings = [...readFileSync(join(ROOT, "docs", "operations.md"), "utf8").matchAll(/^## (.+)$/gm)];
  const anchors = headings.map(([, heading]) => heading.toLowerCase().replaceAll(" ", "-"));
  for (const section of Object.values(RUNBOOK)) expect(anchors).toContain(section);
});

it("a deployment of the API is rolled back by alarms that exist before the service, and notify nobody", async () => {
  const resources = await awsPlatform("prod");
  const { api, worker } = byName(resources, "aws:ecs/service:Service");
  const alarmNames = ["spatialforge-prod-api-deployment-5xx", "spatialforge-prod-api-deployment-p95"];
  expect(api.alarms).toEqual({ alarmNames, enable: true, rollback: true });
  expect(worker.alarms).toBeUndefined();
  const alarms = resources.filter(({ type, name }) => type === ALARM && name.startsWith("deployment-alarms-"));
  expect(alarms.map(({ inputs }) => inputs.name as string)).toEqual(alarmNames);
  for (const { inputs } of alarms) expect(inputs.alarmActions).toBeUndefined();
  const service = resources.find(({ type, name }) => type === "aws:ecs/service:Service" && name === "api")!;
  for (const { urn } of alarms) expect(service.dependencies).toContain(urn);
});
