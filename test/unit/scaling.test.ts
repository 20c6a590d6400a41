import { describe, expect, it } from "vitest";
import { Alarms } from "../../stack/aws/operations/alarms";
import { Scaling } from "../../stack/aws/service/scaling";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { serviceSpecs } from "../../stack/config/services";
import { mockedEngine } from "../harness/mocks";

const { created, inputsOf, restart } = mockedEngine("dev");

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const POLICY = "aws:appautoscaling/policy:Policy";

/** The API and the worker with settings. */
const specs = (aws: object) =>
  serviceSpecs(awsSettingsSchema.parse(aws)).filter(({ name }) => ["api", "worker"].includes(name));

const SETTINGS = {
  api: { minTasks: 2, maxTasks: 4, requestsPerTarget: 300 },
  worker: { minTasks: 0, maxTasks: 3, backlogPerTask: 4 },
};

describe("Scaling", () => {
  const create = (aws: object) =>
    new Scaling("scaling", {
      clusterName: "sf",
      services: specs(aws),
      serviceNames: { api: "api", worker: "worker" },
      resourceLabel: "app/sf/1/targetgroup/api/2",
    });

  it("keeps the number of tasks between the minimum and the maximum", async () => {
    create(SETTINGS);
    expect(await created("aws:appautoscaling/target:Target")).toMatchObject({
      "scaling-api": { resourceId: "service/sf/api", minCapacity: 2, maxCapacity: 4 },
      "scaling-worker": { resourceId: "service/sf/worker", minCapacity: 0, maxCapacity: 3 },
    });
  });

  it("scales the API by requests per task, and the worker by jobs per task", async () => {
    create(SETTINGS);
    const { "scaling-api": api, "scaling-worker": worker } = await created(POLICY);
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
    const [backlog, running, jobsPerTask] = customizedMetricSpecification.metrics;
    expect(backlog.metricStat.metric).toEqual({
      namespace: "SpatialForge",
      metricName: "Backlog",
      dimensions: [
        { name: "Stack", value: "dev" },
        { name: "Role", value: "worker" },
      ],
    });
    expect(running.metricStat.metric.dimensions).toEqual([
      { name: "ClusterName", value: "sf" },
      { name: "ServiceName", value: "worker" },
    ]);
    expect([backlog.returnData, running.returnData, jobsPerTask.returnData]).toEqual([false, false, undefined]);
    expect(jobsPerTask.expression).toBe("backlog / IF(FILL(running, 0) < 1, 1, running)");
  });

  it("starts the first worker if jobs wait for three minutes while the desired count is 0", async () => {
    create(SETTINGS);
    const name = "scaling-worker-from-zero";
    expect((await created(POLICY))[name].stepScalingPolicyConfiguration).toMatchObject({
      adjustmentType: "ChangeInCapacity",
      stepAdjustments: [{ metricIntervalLowerBound: "0", scalingAdjustment: 1 }],
    });
    const alarm = inputsOf(ALARM)[name];
    expect(alarm).toMatchObject({ alarmActions: [`arn:${name}`], evaluationPeriods: 3, threshold: 1 });
    expect(alarm.metricQueries.at(-1)).toMatchObject({
      expression: "IF(FILL(desired, 0) < 1 AND FILL(backlog, 0) > 0, 1, 0)",
      returnData: true,
    });
    expect(alarm.metricQueries[1].metric).toMatchObject({
      metricName: "DesiredTaskCount",
      dimensions: { ClusterName: "sf", ServiceName: "worker" },
    });
  });

  it("has no policy for the first worker if the minimum is one", async () => {
    create({ ...SETTINGS, worker: { minTasks: 1, maxTasks: 3 } });
    expect(Object.keys(await created(POLICY))).toEqual(["scaling-api", "scaling-worker"]);
    expect(inputsOf(ALARM)).toEqual({});
  });
});

describe("Alarms", () => {
  const ARGS = {
    name: "sf-alarms",
    email: "",
    services: specs(SETTINGS),
    redis: { replicationGroupId: "sf", nodes: 2 },
    loadBalancer: { arnSuffix: "app/sf/1", targetGroupArnSuffix: "targetgroup/api/2" },
  };

  /** Known alarms and whether missing data is a failure. There can be more alarms. */
  const KNOWN: Record<string, "breaching" | "notBreaching"> = {
    "alarms-api-5xx": "notBreaching",
    "alarms-load-balancer-5xx": "notBreaching",
    "alarms-redis-memory-001": "notBreaching",
    "alarms-redis-memory-002": "notBreaching",
    "alarms-worker-backlog": "notBreaching",
    "alarms-worker-backlog-age": "notBreaching",
    "alarms-worker-backlog-missing": "breaching",
  };

  it("cover each Redis node, the backlog of the worker, and server errors", async () => {
    new Alarms("alarms", ARGS);
    const alarms = await created(ALARM);
    for (const [name, treatMissingData] of Object.entries(KNOWN)) {
      expect(alarms[name], name).toMatchObject({ treatMissingData });
    }
    expect(alarms["alarms-worker-backlog"]).toMatchObject({ threshold: 12, evaluationPeriods: 15 });
    expect(alarms["alarms-redis-memory-002"].dimensions).toEqual({ CacheClusterId: "sf-002" });
    expect(alarms["alarms-api-5xx"].dimensions).toEqual({ LoadBalancer: "app/sf/1", TargetGroup: "targetgroup/api/2" });
  });

  it("are published to the topic, and their descriptions say what to do", async () => {
    new Alarms("alarms", ARGS);
    for (const [name, alarm] of Object.entries(await created(ALARM))) {
      expect(alarm, name).toMatchObject({ alarmActions: ["arn:alarms"], okActions: ["arn:alarms"] });
      const sentences = (alarm.alarmDescription as string).split(/(?<=[.:]) (?=[A-Z])/);
      expect(sentences.length, name).toBeGreaterThan(1);
      expect(sentences.at(-1), name).toMatch(/^(?!(The|An?|It|There|This|That|No|When|If)\b)[A-Z].*\.$/); // an instruction
    }
  });

  it("have a Redis alarm for each node", async () => {
    const redisAlarms = async (nodes: number) => {
      await restart();
      new Alarms("alarms", { ...ARGS, redis: { ...ARGS.redis, nodes } });
      return Object.keys(await created(ALARM)).filter((name) => name.startsWith("alarms-redis-memory-"));
    };
    expect(await redisAlarms(1)).toEqual(["alarms-redis-memory-001"]);
    expect(await redisAlarms(3)).toHaveLength(3);
  });

  it("are sent to the email address, through a topic that the KMS key of the stack encrypts", async () => {
    new Alarms("alarms", { ...ARGS, email: "ops@example.org", kmsKeyArn: "arn:key" });
    expect(await created("aws:sns/topicSubscription:TopicSubscription")).toMatchObject({
      alarms: { protocol: "email", endpoint: "ops@example.org", topic: "arn:alarms" },
    });
    expect(inputsOf("aws:sns/topic:Topic").alarms).toMatchObject({ name: "sf-alarms", kmsMasterKeyId: "arn:key" });
  });
});
