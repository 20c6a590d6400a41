import { describe, expect, it } from "vitest";
import { Alarms } from "../../stack/aws/operations/alarms/alarms";
import { publisherEnvironment } from "../../stack/aws/operations/metrics";
import { Scaling } from "../../stack/aws/service/scaling";
import { capacitySteps, MAXIMUM_STEPS, SCALE_IN_DELAY_S, type Step } from "../../stack/aws/service/scaling-steps";
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

  it("scales the API by requests per task", async () => {
    create(SETTINGS);
    const { "scaling-api": api } = await created(POLICY);
    expect(api.targetTrackingScalingPolicyConfiguration).toMatchObject({
      targetValue: 300,
      predefinedMetricSpecification: {
        predefinedMetricType: "ALBRequestCountPerTarget",
        resourceLabel: "app/sf/1/targetgroup/api/2",
      },
    });
  });

  it("sets the number of workers to the metric that beat publishes, from 0 to the maximum and back", async () => {
    create(SETTINGS);
    const { "scaling-worker": policy } = await created(POLICY);
    expect(policy.stepScalingPolicyConfiguration).toEqual({
      adjustmentType: "ExactCapacity",
      cooldown: 0,
      metricAggregationType: "Maximum",
      stepAdjustments: [
        { metricIntervalLowerBound: "0", metricIntervalUpperBound: "1", scalingAdjustment: 0 },
        { metricIntervalLowerBound: "1", metricIntervalUpperBound: "2", scalingAdjustment: 1 },
        { metricIntervalLowerBound: "2", metricIntervalUpperBound: "3", scalingAdjustment: 2 },
        { metricIntervalLowerBound: "3", scalingAdjustment: 3 },
      ],
    });
    expect(inputsOf(ALARM)).toEqual({
      "scaling-worker": expect.objectContaining({
        namespace: "SpatialForge",
        metricName: "WantedTasks",
        dimensions: { Stack: "dev", Role: "worker" },
        statistic: "Maximum",
        period: 60,
        evaluationPeriods: 1,
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        threshold: 0, // also for the value 0
        alarmActions: ["arn:scaling-worker"],
      }),
    });
  });

  it("changes nothing while the metric is missing", async () => {
    create(SETTINGS);
    const { "scaling-worker": alarm } = await created(ALARM);
    expect(alarm.treatMissingData).toBe("missing");
    expect(alarm.insufficientDataActions).toBeUndefined();
  });

  it("uses no metric of Container Insights", async () => {
    create(SETTINGS);
    expect(JSON.stringify([await created(POLICY), inputsOf(ALARM)])).not.toContain("ContainerInsights");
  });

  it("gives beat the limits by which it calculates the metric", () => {
    const { BACKLOG_ROLES, SCALE_IN_DELAY_S: delay } = publisherEnvironment(specs(SETTINGS));
    expect(JSON.parse(BACKLOG_ROLES)).toEqual({
      worker: { queues: ["default", "gpu_heavy"], minTasks: 0, maxTasks: 3, backlogPerTask: 4 },
    });
    expect(delay).toBe(String(SCALE_IN_DELAY_S));
  });
});

describe("capacitySteps", () => {
  const ranges = [0, 1, 2, 5].flatMap((minimum) =>
    Array.from({ length: 101 - minimum }, (_, i): [number, number] => [minimum, minimum + i]),
  );
  /** The capacity for a value of the metric, of which exactly one step applies. */
  function capacityFor(value: number, steps: Step[]): number {
    const matches = steps.filter(({ from, to = Infinity }) => from <= value && value < to);
    expect(matches).toHaveLength(1);
    return matches[0].capacity;
  }

  it("has at most 20 steps without gaps, of which none sets less than the value", () => {
    for (const [minimum, maximum] of ranges) {
      const steps = capacitySteps(minimum, maximum);
      expect(steps.length).toBeLessThanOrEqual(MAXIMUM_STEPS);
      expect(steps[0].from).toBe(0);
      for (let value = minimum; value <= maximum; value++) {
        const capacity = capacityFor(value, steps);
        expect(capacity).toBeGreaterThanOrEqual(value);
        expect(capacity).toBeLessThanOrEqual(maximum);
        if (maximum - minimum < MAXIMUM_STEPS) expect(capacity).toBe(value);
      }
      expect(capacityFor(minimum, steps)).toBe(minimum); // also 0: the last worker stops
    }
  });

  it("sets a fifth more than the value at most, and exactly the first values", () => {
    const steps = capacitySteps(0, 100);
    expect(steps).toHaveLength(MAXIMUM_STEPS);
    for (let value = 1; value <= 100; value++) expect(capacityFor(value, steps) / value).toBeLessThanOrEqual(1.2);
    for (let value = 0; value <= 4; value++) expect(capacityFor(value, steps)).toBe(value);
  });
});

describe("Alarms", () => {
  const ARGS = {
    name: "sf-alarms",
    email: "",
    services: specs(SETTINGS),
    redis: { replicationGroupId: "sf", nodes: 2 },
    loadBalancer: { arnSuffix: "app/sf/1", targetGroupArnSuffix: "targetgroup/api/2" },
    p95Latency: 60,
    gpuCapacity: { clusterName: "sf", capacityProvider: "gpu" },
  };

  /** Known alarms and whether missing data is a failure. There can be more alarms. */
  const KNOWN: Record<string, "breaching" | "notBreaching"> = {
    "alarms-api-5xx": "notBreaching",
    "alarms-api-p95": "notBreaching",
    "alarms-api-unhealthy-targets": "notBreaching",
    "alarms-gpu-capacity": "notBreaching",
    "alarms-worker-gpu-errors": "notBreaching",
    "alarms-redis-cpu-001": "notBreaching",
    "alarms-redis-replication-lag-001": "notBreaching",
    "alarms-load-balancer-5xx": "notBreaching",
    "alarms-redis-memory-001": "notBreaching",
    "alarms-redis-memory-002": "notBreaching",
    "alarms-worker-backlog": "notBreaching",
    "alarms-worker-backlog-age": "notBreaching",
    "alarms-worker-backlog-missing": "breaching",
  };

  it("cover Redis, the backlog of the worker, the requests, and the GPUs", async () => {
    new Alarms("alarms", ARGS);
    const alarms = await created(ALARM);
    for (const [name, treatMissingData] of Object.entries(KNOWN)) {
      expect(alarms[name], name).toMatchObject({ treatMissingData });
    }
    expect(alarms["alarms-worker-backlog"]).toMatchObject({ threshold: 12, evaluationPeriods: 15 });
    expect(alarms["alarms-api-p95"]).toMatchObject({ extendedStatistic: "p95", threshold: 60 });
    expect(alarms["alarms-api-p95"].statistic).toBeUndefined();
    expect(alarms["alarms-redis-memory-002"].dimensions).toEqual({ CacheClusterId: "sf-002" });
    expect(alarms["alarms-api-5xx"].dimensions).toEqual({ LoadBalancer: "app/sf/1", TargetGroup: "targetgroup/api/2" });
  });

  it("are published to the topic, and their descriptions say what to do", async () => {
    new Alarms("alarms", ARGS);
    for (const [name, alarm] of Object.entries(await created(ALARM))) {
      expect(alarm, name).toMatchObject({ alarmActions: ["arn:alarms"], okActions: ["arn:alarms"] });
      const [text, runbook] = (alarm.alarmDescription as string).split(" Runbook: ");
      expect(runbook, name).toMatch(/^docs\/operations\.md#[a-z-]+$/);
      const sentences = text.split(/(?<=[.:]) (?=[A-Z])/);
      expect(sentences.length, name).toBeGreaterThan(1);
      expect(sentences.at(-1), name).toMatch(/^(?!(The|An?|It|There|This|That|No|When|If)\b)[A-Z].*\.$/); // an instruction
    }
  });

  it("have a Redis alarm for each node, and watch the replication only if there are replicas", async () => {
    const namesWith = async (nodes: number, id: string) => {
      await restart();
      new Alarms("alarms", { ...ARGS, redis: { ...ARGS.redis, nodes } });
      return Object.keys(await created(ALARM)).filter((name) => name.startsWith(`alarms-redis-${id}-`));
    };
    expect(await namesWith(1, "memory")).toEqual(["alarms-redis-memory-001"]);
    expect(await namesWith(3, "memory")).toHaveLength(3);
    expect(await namesWith(1, "replication-lag")).toEqual([]);
    expect(await namesWith(3, "replication-lag")).toHaveLength(3);
  });

  it("are sent to the email address, through a topic that the KMS key of the stack encrypts", async () => {
    new Alarms("alarms", { ...ARGS, email: "ops@example.org", kmsKeyArn: "arn:key" });
    expect(await created("aws:sns/topicSubscription:TopicSubscription")).toMatchObject({
      alarms: { protocol: "email", endpoint: "ops@example.org", topic: "arn:alarms" },
    });
    expect(inputsOf("aws:sns/topic:Topic").alarms).toMatchObject({ name: "sf-alarms", kmsMasterKeyId: "arn:key" });
  });
});
