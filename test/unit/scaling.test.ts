import { beforeEach, describe, expect, it } from "vitest";
import { Alarms } from "../../stack/aws/alarms";
import { Scaling } from "../../stack/aws/scaling";
import { mockedEngine } from "../harness/mocks";

const { made, of } = mockedEngine("dev");

describe("Scaling", () => {
  beforeEach(() => {
    new Scaling("sf", {
      clusterName: "sf",
      api: { service: "api", min: 2, max: 4, requestsPerTarget: 300, resourceLabel: "app/sf/1/targetgroup/api/2" },
      worker: { service: "worker", min: 0, max: 3, backlogPerTask: 4 },
    });
  });

  it("counts tasks between the least and the most", async () => {
    expect(await made("aws:appautoscaling/target:Target")).toMatchObject({
      api: { resourceId: "service/sf/api", minCapacity: 2, maxCapacity: 4 },
      worker: { resourceId: "service/sf/worker", minCapacity: 0, maxCapacity: 3 },
    });
  });

  it("has one API task for so many requests, one worker for so many jobs", async () => {
    const { api, worker } = await made("aws:appautoscaling/policy:Policy");
    expect(api.targetTrackingScalingPolicyConfiguration).toMatchObject({
      targetValue: 300,
      predefinedMetricSpecification: {
        predefinedMetricType: "ALBRequestCountPerTarget",
        resourceLabel: "app/sf/1/targetgroup/api/2",
      },
    });
    const { targetValue, customizedMetricSpecification, scaleInCooldown } =
      worker.targetTrackingScalingPolicyConfiguration;
    expect([targetValue, scaleInCooldown]).toEqual([4, 600]);
    const [backlog, running, each] = customizedMetricSpecification.metrics;
    expect(backlog.metricStat.metric).toMatchObject({
      namespace: "SpatialForge",
      metricName: "Backlog",
      dimensions: [{ name: "Stack", value: "dev" }],
    });
    expect(running.metricStat.metric.dimensions).toEqual([
      { name: "ClusterName", value: "sf" },
      { name: "ServiceName", value: "worker" },
    ]);
    expect([backlog.returnData, running.returnData, each.returnData]).toEqual([false, false, undefined]);
    expect(each.expression).toBe("backlog / IF(FILL(running, 0) < 1, 1, running)");
  });

  it("starts the first worker when jobs have waited for three minutes and none is asked for", async () => {
    const policy = (await made("aws:appautoscaling/policy:Policy"))["worker-from-none"];
    expect(policy.stepScalingPolicyConfiguration).toMatchObject({
      adjustmentType: "ChangeInCapacity",
      stepAdjustments: [{ metricIntervalLowerBound: "0", scalingAdjustment: 1 }],
    });
    const alarm = of("aws:cloudwatch/metricAlarm:MetricAlarm")["worker-from-none"];
    expect(alarm).toMatchObject({ alarmActions: ["arn:worker-from-none"], evaluationPeriods: 3, threshold: 1 });
    expect(alarm.metricQueries.at(-1)).toMatchObject({
      expression: "IF(FILL(asked, 0) < 1 AND FILL(backlog, 0) > 0, 1, 0)",
      returnData: true,
    });
    expect(alarm.metricQueries[1].metric).toMatchObject({
      metricName: "DesiredTaskCount",
      dimensions: { ClusterName: "sf", ServiceName: "worker" },
    });
  });
});

it("does not start a first worker where there is always one", async () => {
  const service = { service: "worker", min: 1, max: 3 };
  const api = { ...service, requestsPerTarget: 300, resourceLabel: "label" };
  new Scaling("sf", { clusterName: "sf", api, worker: { ...service, backlogPerTask: 4 } });
  expect(Object.keys(await made("aws:appautoscaling/policy:Policy"))).toEqual(["api", "worker"]);
  expect(of("aws:cloudwatch/metricAlarm:MetricAlarm")).toEqual({});
});

describe("Alarms", () => {
  const ARGS = {
    worker: { max: 3, backlogPerTask: 4 },
    email: "",
    redis: { id: "sf", nodes: 2 },
    balancer: "app/sf/1",
    targetGroup: "targetgroup/api/2",
  };

  it("look at every Redis node, waiting jobs, errors and a silent beat, and say what to do", async () => {
    new Alarms("sf", ARGS);
    const alarms = await made("aws:cloudwatch/metricAlarm:MetricAlarm");
    expect(Object.keys(alarms).sort()).toEqual([
      "api-5xx",
      "backlog",
      "backlog-age",
      "beat-silent",
      "entry-5xx",
      "redis-memory-001",
      "redis-memory-002",
    ]);
    for (const alarm of Object.values(alarms)) {
      expect(alarm.alarmActions).toEqual(["arn:alarms"]);
      expect(alarm.alarmDescription).toMatch(/[.:] .*\.$/);
    }
    expect(alarms.backlog).toMatchObject({ threshold: 12, evaluationPeriods: 15 });
    expect(alarms["redis-memory-002"].dimensions).toEqual({ CacheClusterId: "sf-002" });
    expect(alarms["api-5xx"].dimensions).toEqual({ LoadBalancer: "app/sf/1", TargetGroup: "targetgroup/api/2" });
  });

  it("take no data for a failure where nothing else would tell", async () => {
    new Alarms("sf", ARGS);
    const alarms = Object.entries(await made("aws:cloudwatch/metricAlarm:MetricAlarm"));
    expect(alarms.filter(([, { treatMissingData }]) => treatMissingData === "breaching").map(([name]) => name)).toEqual(
      ["beat-silent"],
    );
  });

  it("go to a mail address where there is one, by a topic with the stack's key", async () => {
    new Alarms("sf", { ...ARGS, email: "ops@example.org", kmsKeyArn: "arn:key" });
    expect(await made("aws:sns/topicSubscription:TopicSubscription")).toMatchObject({
      alarms: { protocol: "email", endpoint: "ops@example.org", topic: "arn:alarms" },
    });
    expect(of("aws:sns/topic:Topic").alarms.kmsMasterKeyId).toBe("arn:key");
  });
});
