import { CloudWatchLogsClient, CreateLogGroupCommand, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type ContainerDefinition,
} from "@aws-sdk/client-ecs";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Alarms } from "../../stack/aws/operations/alarms/alarms";
import { publisherEnvironment } from "../../stack/aws/operations/metrics";
import { Scaling } from "../../stack/aws/service/scaling";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { serviceSpecs } from "../../stack/config/services";
import { AutoScalingCalls } from "../harness/auto-scaling";
import { docker, until } from "../harness/engine";
import { Emulator } from "../harness/emulator";
import { createGpuProvider } from "../harness/gpu-provider";
import { buildImages, tagOf } from "../harness/images";
import { byName, mockEngine, type Registered } from "../harness/mocks";
import { APP, healthOf, Sandbox } from "../harness/sandbox";

/**
 * A minute in AWS has three seconds. The start of a container is not shorter than in AWS, and beat must be replaced within the five minutes of
 * the alarm for missing data.
 */
const SPEED = 20;
const LOG_GROUP = "workers";
const MAX_TASKS = 8;
const SETTINGS = awsSettingsSchema.parse({ worker: { minTasks: 0, maxTasks: MAX_TASKS, backlogPerTask: 4 } });
/** Seconds after which the job of a lost worker runs again. More than the longest job lasts. */
const VISIBILITY_TIMEOUT_S = 8;
const ALARM = "scaling-worker";
const MISSING = "alarms-worker-backlog-missing";

let emulator: Emulator;
let ecs: ECSClient;
let calls: AutoScalingCalls;
let sandbox: Sandbox, redis: string, api: string;

beforeAll(async () => {
  await buildImages("cpu");
  sandbox = new Sandbox();
  redis = sandbox.redis();
  const objects = sandbox.objects();
  api = sandbox.app("api", tagOf("cpu"));
  emulator = await Emulator.start({ tasks: true, speed: SPEED });
  ecs = new ECSClient(emulator.clientConfig);
  calls = new AutoScalingCalls(emulator);
  await ecs.send(new CreateClusterCommand({ clusterName: "default" }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
  await createGpuProvider(emulator, MAX_TASKS);
  const resources = await deployedResources();
  await createWorkers();
  await createBeat();
  await until("the network of the tasks exists", 20, () => docker("network", "ls", "-qf", `name=${emulator.run}`));
  for (const [alias, id] of Object.entries({ redis, objects })) {
    docker("network", "connect", "--alias", alias, emulator.run, id);
  }
  await createScaling(resources);
  await until("the API is healthy", 60, () => healthOf(api).status === "healthy");
  await until("the alarm has data", 40, async () => (await calls.alarm(ALARM)).StateValue === "ALARM");
});
afterAll(async () => {
  sandbox?.remove();
  await emulator?.stop();
});

/** The resources that the stack creates for scaling. */
async function deployedResources(): Promise<Registered[]> {
  const resources = await mockEngine("dev");
  const services = serviceSpecs(SETTINGS);
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

/** Creates the target, the policy, and the alarms of the workers with the inputs that the stack has for them. */
async function createScaling(resources: Registered[]): Promise<void> {
  const inputs = (type: string, name: string) => byName(resources, type)[name];
  const target = inputs("aws:appautoscaling/target:Target", ALARM);
  await calls.applicationAutoScaling("RegisterScalableTarget", parameters(target) as object);
  const policy = parameters(inputs("aws:appautoscaling/policy:Policy", ALARM)) as object;
  const { PolicyARN } = await calls.applicationAutoScaling("PutScalingPolicy", { ...policy, PolicyName: ALARM });
  for (const name of [ALARM, MISSING]) {
    const { dimensions, ...alarm } = inputs("aws:cloudwatch/metricAlarm:MetricAlarm", name);
    await calls.cloudWatch("PutMetricAlarm", {
      ...(parameters(alarm) as object),
      AlarmName: name,
      Dimensions: Object.entries(dimensions as object).map(([Name, Value]) => ({ Name, Value: String(Value) })),
      AlarmActions: name === ALARM ? [PolicyARN] : [],
      OKActions: [],
    });
  }
}

/** Registers a task definition of a role. Returns its ARN. */
async function definition(role: string, env: Record<string, string>, more: object = {}): Promise<string> {
  const options = { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": role };
  const container: ContainerDefinition = {
    name: role,
    image: tagOf("cpu"),
    command: [role],
    stopTimeout: 60,
    environment: Object.entries({ ...APP, ...env }).map(([name, value]) => ({ name, value })),
    logConfiguration: { logDriver: "awslogs", options },
    ...more,
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family: role, cpu: "1024", memory: "512", containerDefinitions: [container] }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

async function createWorkers(): Promise<void> {
  const env = { SCALE_IN_PROTECTION: "1", VISIBILITY_TIMEOUT_S: String(VISIBILITY_TIMEOUT_S) };
  const taskDefinition = await definition("worker", env, { resourceRequirements: [{ type: "GPU", value: "1" }] });
  const capacityProviderStrategy = [{ capacityProvider: "gpu", weight: 1 }];
  await ecs.send(
    new CreateServiceCommand({ serviceName: "worker", taskDefinition, desiredCount: 0, capacityProviderStrategy }),
  );
}

/** beat of the stack, with shorter times. Its own schedules queue no job during the tests. */
async function createBeat(): Promise<void> {
  const times = { BACKLOG_EVERY_S: "1", SCALE_IN_DELAY_S: "6" };
  const taskDefinition = await definition("beat", { ...publisherEnvironment(serviceSpecs(SETTINGS)), ...times });
  const deploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };
  await ecs.send(
    new CreateServiceCommand({ serviceName: "beat", taskDefinition, desiredCount: 1, deploymentConfiguration }),
  );
}

async function service(serviceName: string) {
  const { services } = await ecs.send(new DescribeServicesCommand({ services: [serviceName] }));
  return services![0];
}

/** ARNs of all tasks of the workers that ever started. */
async function workers(): Promise<string[]> {
  const arns = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map(
      async (desiredStatus) =>
        (await ecs.send(new ListTasksCommand({ serviceName: "worker", desiredStatus }))).taskArns!,
    ),
  );
  return arns.flat();
}

async function haveStopped(taskArns: string[]): Promise<boolean> {
  const { tasks } = await ecs.send(new DescribeTasksCommand({ tasks: taskArns }));
  return tasks!.every(({ lastStatus }) => lastStatus === "STOPPED");
}

/** Desired counts that Application Auto Scaling has set, the oldest first. */
const desiredCounts = async (): Promise<number[]> =>
  (await calls.changes("worker")).map((text) => Number(/\d+/.exec(text)![0]));

const state = (job: string) => sandbox.jobState(redis, job);

/** How often workers wrote a word about a job to their logs: `received` or `succeeded`. */
async function count(word: string, job: string): Promise<number> {
  const logs = new CloudWatchLogsClient(emulator.clientConfig);
  const command = new FilterLogEventsCommand({ logGroupName: LOG_GROUP, logStreamNamePrefix: "worker", limit: 10_000 });
  const { events = [] } = await logs.send(command);
  return events.filter(({ message }) => message!.includes(`reconstruct_task[${job}] ${word}`)).length;
}

it("a burst of 20 jobs starts 5 workers from 0, each job runs once, and all workers stop; a rollout of beat changes nothing", async () => {
  expect((await service("worker")).desiredCount).toBe(0);
  const jobs = await Promise.all(Array.from({ length: 20 }, () => sandbox.job(api, 3)));
  await until("5 workers run", 90, async () => (await service("worker")).runningCount === 5);

  await ecs.send(new UpdateServiceCommand({ service: "beat", forceNewDeployment: true }));
  await until("the rollout of beat is complete", 30, async () => {
    const { deployments, runningCount } = await service("beat");
    return deployments!.length === 1 && deployments![0].rolloutState === "COMPLETED" && runningCount === 1;
  });
  expect((await calls.alarm(MISSING)).StateValue).toBe("OK");
  expect((await service("worker")).desiredCount).toBe(5);

  await until("all jobs are complete", 60, () => jobs.every((job) => state(job) === "SUCCESS"));
  await until("no worker is desired", 60, async () => (await service("worker")).desiredCount === 0);
  await until("all workers have stopped", 60, async () => haveStopped(await workers()));
  const counts = await desiredCounts();
  expect(Math.max(...counts)).toBe(5);
  const out = counts.slice(0, counts.indexOf(5) + 1);
  expect(counts).toEqual([...out.sort((a, b) => a - b), ...counts.slice(out.length).sort((a, b) => b - a)]);
  expect(await workers()).toHaveLength(5);
  for (const job of jobs) {
    expect([await count("received", job), await count("succeeded", job)], job).toEqual([1, 1]);
  }
});

it("a host that dies under a running job: the job has exactly one result, from another worker", async () => {
  await until("no worker is desired", 60, async () => (await service("worker")).desiredCount === 0);
  const [before, earlier] = [(await desiredCounts()).length, await workers()];
  const job = await sandbox.job(api, 4);
  await until("the job runs", 60, () => state(job) === "STARTED");
  const [taskArn] = (await workers()).filter((arn) => !earlier.includes(arn));
  await emulator.withFault("hosts", { mode: "die" }, () =>
    until("the worker has stopped", 20, () => haveStopped([taskArn])),
  );
  expect(state(job)).toBe("STARTED");
  await until("the job is complete", 90, () => state(job) === "SUCCESS");
  expect([await count("received", job), await count("succeeded", job)]).toEqual([2, 1]);
  await until("no worker is desired", 60, async () => (await service("worker")).desiredCount === 0);
  expect((await desiredCounts()).slice(before)).toEqual([1, 0]); // the unacknowledged job kept one worker
});

// The last test: it ends the metric.
it("without beat, the number of workers stays as it is, and an alarm reports it", async () => {
  await ecs.send(new DeleteServiceCommand({ service: "beat", force: true }));
  await until("the alarm has no data", 60, async () => (await calls.alarm(ALARM)).StateValue === "INSUFFICIENT_DATA");
  await ecs.send(new UpdateServiceCommand({ service: "worker", desiredCount: 1 }));
  await until("an alarm reports it", 60, async () => (await calls.alarm(MISSING)).StateValue === "ALARM");
  expect((await service("worker")).desiredCount).toBe(1);
});
