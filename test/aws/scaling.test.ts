import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  PutRetentionPolicyCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type CapacityProviderStrategyItem,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AutoScalingCalls } from "../harness/auto-scaling";
import { until } from "../harness/engine";
import { Emulator } from "../harness/emulator";
import { createGpuProvider } from "../harness/gpu-provider";
import { baseOf } from "../harness/images";
import { IMAGES } from "../../stack/images/catalog";

const IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);
const LOG_GROUP = "scaling";
const NAMESPACE = "Test";
/** A minute in AWS has two seconds. */
const SPEED = 30;
const PERIOD = 60;

let emulator: Emulator;
let ecs: ECSClient;
let calls: AutoScalingCalls;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true, speed: SPEED });
  ecs = new ECSClient(emulator.clientConfig);
  calls = new AutoScalingCalls(emulator);
  await ecs.send(new CreateClusterCommand({ clusterName: "default" }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
  for (const serviceName of ["worker", "idle"]) {
    const taskDefinition = await definition(serviceName, "sleep 600");
    await ecs.send(new CreateServiceCommand({ serviceName, taskDefinition, desiredCount: 0 }));
  }
});
afterAll(() => emulator.stop());

async function definition(family: string, command: string): Promise<string> {
  const options = { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": family };
  const container = {
    name: family,
    image: IMAGE,
    command: ["sh", "-c", `trap 'exit 0' TERM; ${command} & wait $!`],
    memory: 128,
    logConfiguration: { logDriver: "awslogs" as const, options },
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family, cpu: "256", memory: "128", containerDefinitions: [container] }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

/** A command that writes the metric `Backlog` of a role twice a second, with the value of the script. */
const publishes = (role: string, value: string) =>
  `while sleep 0.5; do printf '{"_aws":{"Timestamp":%s,"CloudWatchMetrics":[{"Namespace":"${NAMESPACE}","Dimensions":[["Role"]],"Metrics":[{"Name":"Backlog","Unit":"Count"}]}]},"Role":"${role}","Backlog":%s}\\n' $(date +%s%3N) ${value}; done`;

async function service(serviceName: string) {
  const { services } = await ecs.send(new DescribeServicesCommand({ services: [serviceName] }));
  return services![0];
}

const remove = (name: string) => ecs.send(new DeleteServiceCommand({ service: name, force: true }));

const dimensions = (role: string) => [{ Name: "Role", Value: role }];

/** Creates an alarm on the backlog of a role that fires at a value of 1 in two of three minutes. */
const putAlarm = (AlarmName: string, role: string, more: object = {}) =>
  calls.cloudWatch("PutMetricAlarm", {
    AlarmName,
    Namespace: NAMESPACE,
    MetricName: "Backlog",
    Dimensions: dimensions(role),
    Statistic: "Maximum",
    Period: PERIOD,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    Threshold: 1,
    ...more,
  });

const state = (name: string, wanted: string) =>
  until(`the alarm ${name} is ${wanted}`, 30, async () => (await calls.alarm(name)).StateValue === wanted);

/** Puts the desired count of a service under a step scaling policy. Returns the ARN of the policy. */
async function putPolicy(serviceName: string, max: number, adjustmentType: string, steps: object[]): Promise<string> {
  const target = { ResourceId: `service/default/${serviceName}`, ScalableDimension: "ecs:service:DesiredCount" };
  await calls.applicationAutoScaling("RegisterScalableTarget", { ...target, MinCapacity: 0, MaxCapacity: max });
  const StepScalingPolicyConfiguration = {
    AdjustmentType: adjustmentType,
    Cooldown: PERIOD,
    MetricAggregationType: "Maximum",
    StepAdjustments: steps,
  };
  const policy = { PolicyName: serviceName, PolicyType: "StepScaling", StepScalingPolicyConfiguration };
  return (await calls.applicationAutoScaling("PutScalingPolicy", { ...target, ...policy })).PolicyARN as string;
}

async function publish(serviceName: string, value: string): Promise<void> {
  const taskDefinition = await definition(serviceName, publishes(serviceName, value));
  await ecs.send(new CreateServiceCommand({ serviceName, taskDefinition, desiredCount: 1 }));
}

describe("a metric in the log of a task", () => {
  beforeAll(() => publish("queue", "7"));

  it("is a CloudWatch metric, and makes an alarm act for as long as it is in ALARM, up to the maximum", async () => {
    const policy = await putPolicy("worker", 2, "ChangeInCapacity", [
      { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 100, ScalingAdjustment: 1 },
      { MetricIntervalLowerBound: 100, ScalingAdjustment: 5 },
    ]);
    await putAlarm("queue", "queue", { AlarmActions: [policy] });
    expect((await calls.alarm("queue")).StateValue).toBe("INSUFFICIENT_DATA");
    await state("queue", "ALARM");
    expect((await calls.alarm("queue")).StateReason).toMatch(
      /^Threshold Crossed: \d out of the last 3 datapoints \[7\.0, .*7\.0\] were greater than or equal to the threshold/,
    );
    const { Metrics } = await calls.cloudWatch("ListMetrics", { Namespace: NAMESPACE });
    expect(Metrics).toContainEqual({ Namespace: NAMESPACE, MetricName: "Backlog", Dimensions: dimensions("queue") });
    await until("two tasks run", 30, async () => (await service("worker")).runningCount === 2);
    expect(await calls.changes("worker")).toEqual(["Setting desired count to 1.", "Setting desired count to 2."]);
  });

  it("can be missing: the alarm does what treatMissingData says", async () => {
    const treated = {
      missing: "INSUFFICIENT_DATA",
      notBreaching: "OK",
      breaching: "ALARM",
      ignore: "INSUFFICIENT_DATA",
    };
    for (const TreatMissingData of Object.keys(treated)) {
      await putAlarm(TreatMissingData, "nobody", { TreatMissingData });
    }
    await state("notBreaching", "OK");
    await state("breaching", "ALARM");
    expect((await calls.alarm("breaching")).StateReason).toBe(
      "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
    );
    expect((await calls.alarm("missing")).StateValue).toBe("INSUFFICIENT_DATA");
    expect((await calls.alarm("ignore")).StateValue).toBe("INSUFFICIENT_DATA");
  });

  it("can be used in metric math, where FILL does not help a metric without any value", async () => {
    const query = (Id: string, role: string) => ({
      Id,
      ReturnData: false,
      MetricStat: {
        Metric: { Namespace: NAMESPACE, MetricName: "Backlog", Dimensions: dimensions(role) },
        Period: PERIOD,
        Stat: "Maximum",
      },
    });
    const math = (AlarmName: string, Expression: string) =>
      calls.cloudWatch("PutMetricAlarm", {
        AlarmName,
        Metrics: [
          query("backlog", "queue"),
          query("desired", "nobody"),
          { Id: "wanted", Expression, ReturnData: true },
        ],
        EvaluationPeriods: 2,
        ComparisonOperator: "GreaterThanOrEqualToThreshold",
        Threshold: 1,
        TreatMissingData: "notBreaching",
      });
    await math("without", "IF(FILL(backlog, 0) > 0, CEIL(backlog / 2), 0)");
    await math("with", "IF(FILL(desired, 0) < 1 AND FILL(backlog, 0) > 0, 1, 0)");
    await state("without", "ALARM");
    await state("with", "OK");
  });

  // The last of these tests: it ends the metric.
  it("can end: the alarm has insufficient data, or stays as it is", async () => {
    await putAlarm("ended", "queue", { TreatMissingData: "missing" });
    await putAlarm("stays", "queue", { TreatMissingData: "ignore" });
    await state("ended", "ALARM");
    await state("stays", "ALARM");
    await remove("queue");
    await state("ended", "INSUFFICIENT_DATA");
    expect((await calls.alarm("ended")).StateReason).toBe("Insufficient Data: 3 datapoints were unknown.");
    expect((await calls.alarm("stays")).StateValue).toBe("ALARM");
  });
});

it("an alarm below its threshold removes tasks down to the minimum", async () => {
  await ecs.send(new UpdateServiceCommand({ service: "idle", desiredCount: 2 }));
  const policy = await putPolicy("idle", 3, "ExactCapacity", [{ MetricIntervalUpperBound: 0, ScalingAdjustment: 0 }]);
  const target = { ResourceId: "service/default/idle", ScalableDimension: "ecs:service:DesiredCount" };
  await calls.applicationAutoScaling("RegisterScalableTarget", { ...target, MinCapacity: 1, MaxCapacity: 3 });
  await publish("quiet", "0");
  await putAlarm("quiet", "quiet", { ComparisonOperator: "LessThanThreshold", AlarmActions: [policy] });
  await until("one task is desired", 30, async () => (await service("idle")).desiredCount === 1);
  expect(await calls.changes("idle")).toEqual(["Setting desired count to 1."]);
  await remove("quiet");
});

describe("AWS refuses", () => {
  const strategy = (...providers: string[]): CapacityProviderStrategyItem[] =>
    providers.map((capacityProvider) => ({ capacityProvider, weight: 1 }));

  beforeAll(async () => {
    await createGpuProvider(emulator, 1);
    const taskDefinition = await definition("moved", "sleep 600");
    const capacityProviderStrategy = strategy("FARGATE");
    await ecs.send(
      new CreateServiceCommand({ serviceName: "moved", taskDefinition, desiredCount: 0, capacityProviderStrategy }),
    );
  });

  const update = (capacityProviderStrategy: CapacityProviderStrategyItem[], forceNewDeployment = false) =>
    ecs.send(new UpdateServiceCommand({ service: "moved", capacityProviderStrategy, forceNewDeployment }));

  it("another capacity provider strategy without a forced deployment, and a mix of both kinds of providers", async () => {
    await update(strategy("FARGATE")); // no change
    await expect(update(strategy("gpu"))).rejects.toThrow(
      /^When switching from launch type .* you must force a new deployment/,
    );
    await expect(update(strategy("gpu", "FARGATE"), true)).rejects.toThrow("cannot contain a mix");
    await update(strategy("gpu"), true);
    await remove("moved");
  });

  it("a retention that CloudWatch Logs does not have", async () => {
    const logs = new CloudWatchLogsClient(emulator.clientConfig);
    const retain = (retentionInDays: number) =>
      logs.send(new PutRetentionPolicyCommand({ logGroupName: LOG_GROUP, retentionInDays }));
    await retain(30);
    await expect(retain(45)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("names of load balancers and replication groups", async () => {
    const ec2 = new EC2Client(emulator.clientConfig);
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
    const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: Vpc!.VpcId!, CidrBlock: "10.9.0.0/24" }));
    const balancer = (Name: string) =>
      emulator.call("elasticloadbalancing", "CreateLoadBalancer", {
        Version: "2015-12-01",
        Name,
        "Subnets.member.1": Subnet!.SubnetId!,
      });
    await balancer("a".repeat(32));
    await expect(balancer("a".repeat(33))).rejects.toThrow("cannot be longer than");
    await expect(balancer("a_b")).rejects.toThrow("alphanumeric characters and hyphens");
    const group = (ReplicationGroupId: string) =>
      emulator.call("elasticache", "CreateReplicationGroup", {
        Version: "2015-02-02",
        ReplicationGroupId,
        ReplicationGroupDescription: "d",
        Engine: "redis",
        CacheNodeType: "cache.t4g.micro",
        NumCacheClusters: "1",
      });
    await group("a".repeat(40));
    await expect(group("a".repeat(41))).rejects.toThrow("InvalidParameterValue");
  });
});
