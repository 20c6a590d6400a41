import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type ContainerDefinition,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { waitForDeployment, type DeploymentArgs } from "../../stack/aws/operations/rollout/deployment";
import { isHealthy } from "../../stack/aws/operations/rollout/deployment-state";
import { serviceTasks } from "../../stack/aws/operations/rollout/service-client";
import { Emulator } from "../harness/emulator";
import { createGpuProvider } from "../harness/gpu-provider";
import { baseOf } from "../harness/images";

const IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);
const CLUSTER = "default";
const LOG_GROUP = "rollout";

/** Commands of containers. The file `/tmp/healthy` makes them healthy. */
const HEALTHY = "touch /tmp/healthy; sleep 600";
const NEVER_HEALTHY = "echo 'health check: unhealthy: /health returned 500'; sleep 600";
const CRASHES = "echo boom; exit 3";
const MISSING_SECRET = { name: "S", valueFrom: "arn:aws:secretsmanager:us-east-1:123456789012:secret:missing-AbCdEf" };

let emulator: Emulator;
let ecs: ECSClient;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true });
  vi.stubEnv("AWS_ENDPOINT_URL", emulator.url);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  ecs = new ECSClient(emulator.clientConfig);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await emulator.stop();
});

/** Registers a task definition whose container runs a shell command. Returns its ARN. */
async function definition(family: string, command: string, more: Partial<ContainerDefinition> = {}): Promise<string> {
  const options = { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": family };
  const container: ContainerDefinition = {
    name: family,
    image: IMAGE,
    command: ["sh", "-c", `trap 'exit 0' TERM; ${command} & wait $!`],
    memory: 128,
    healthCheck: { command: ["CMD-SHELL", "test -f /tmp/healthy"], interval: 1, timeout: 2, retries: 3 },
    logConfiguration: { logDriver: "awslogs", options },
    ...more,
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family, cpu: "256", memory: "128", containerDefinitions: [container] }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

async function create(serviceName: string, taskDefinition: string, provider?: string): Promise<void> {
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  const capacityProviderStrategy = provider ? [{ capacityProvider: provider, weight: 1 }] : undefined;
  const service = { serviceName, taskDefinition, desiredCount: 1, deploymentConfiguration, capacityProviderStrategy };
  await ecs.send(new CreateServiceCommand(service));
}

const remove = (service: string) => ecs.send(new DeleteServiceCommand({ service, force: true }));

const describeService = async (name: string) =>
  (await ecs.send(new DescribeServicesCommand({ services: [name] }))).services![0];

/** Waits as an update does. Returns the message of the error, if there is one. */
async function rollOut(
  service: string,
  taskDefinition: string,
  { timeout = 40, log = () => undefined }: Partial<DeploymentArgs> = {},
): Promise<string> {
  const { signal } = new AbortController();
  const args = { cluster: CLUSTER, service, taskDefinition, minTasks: 1, timeout, signal };
  return waitForDeployment({ ...args, log }).then(
    () => "",
    ({ message }: Error) => message,
  );
}

/** Deploys a version over one that works, and counts the healthy old tasks. Returns the message, and the smallest count. */
async function replace(
  service: string,
  good: string,
  bad: string,
  options?: { timeout?: number },
): Promise<{ message: string; healthy: number }> {
  await create(service, good);
  expect(await rollOut(service, good)).toBe("");
  await ecs.send(new UpdateServiceCommand({ service, taskDefinition: bad }));
  let healthy = Infinity;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      const tasks = await serviceTasks({ cluster: CLUSTER, service }, "RUNNING");
      healthy = Math.min(healthy, tasks.filter(isHealthy).length);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  const message = await rollOut(service, bad, options);
  isOver = true;
  await watch;
  return { message, healthy };
}

/** Nothing is in progress, and the service runs a task definition. */
async function expectSettled(service: string, taskDefinition: string): Promise<void> {
  const { deployments = [] } = await describeService(service);
  expect(deployments[0]).toMatchObject({ taskDefinition, rolloutState: "COMPLETED", status: "PRIMARY" });
  const status = ["PENDING" as const, "IN_PROGRESS" as const, "ROLLBACK_IN_PROGRESS" as const];
  const { serviceDeployments } = await ecs.send(new ListServiceDeploymentsCommand({ service, status }));
  expect(serviceDeployments).toEqual([]);
}

describe("a new version that fails is rolled back, and the next update completes:", () => {
  it("it never gets healthy, and the timeout expires", async () => {
    const good = await definition("never", HEALTHY);
    const bad = await definition("never", NEVER_HEALTHY, {
      healthCheck: { command: ["CMD-SHELL", "false"], interval: 1, timeout: 2, retries: 3, startPeriod: 300 },
    });
    const { message, healthy } = await replace("never", good, bad, { timeout: 10 });
    expect(message).toMatch(
      /^never: the new version failed: the timeout of 10 s expired: 0 of 1 new tasks are healthy, 1 old task is running; .*; unhealthy: \/health returned 500$/m,
    );
    expect(message).toMatch(/^never: the previous version is running$/m);
    expect(healthy).toBe(1);
    await expectSettled("never", good);
    const fixed = await definition("never", `echo fixed; ${HEALTHY}`);
    await ecs.send(new UpdateServiceCommand({ service: "never", taskDefinition: fixed }));
    expect(await rollOut("never", fixed)).toBe("");
    await remove("never");
  });

  it("it never gets healthy, and ECS gives up before the timeout", async () => {
    const good = await definition("circuit", HEALTHY);
    const { message, healthy } = await replace("circuit", good, await definition("circuit", NEVER_HEALTHY));
    expect(message).toMatch(/circuit breaker: tasks failed to start.*; unhealthy: \/health returned 500$/m);
    expect(message).toMatch(/^task \w+: Task failed container health checks/m);
    expect(message).toMatch(/^circuit: the previous version is running$/m);
    expect(healthy).toBe(1);
    await expectSettled("circuit", good);
    await remove("circuit");
  });

  it("it crashes", async () => {
    const good = await definition("crash", HEALTHY);
    const bad = await definition("crash", CRASHES);
    const { message, healthy } = await replace("crash", good, bad);
    expect(message).toMatch(/^task \w+: Essential container in task exited; crash: exit code 3$/m);
    expect(message).toMatch(/^ {2}boom$/m);
    expect(healthy).toBe(1);
    await expectSettled("crash", good);
    await remove("crash");
  });

  it("one of its secrets does not exist", async () => {
    const good = await definition("secretless", HEALTHY);
    const bad = await definition("secretless", HEALTHY, { secrets: [MISSING_SECRET] });
    const { message, healthy } = await replace("secretless", good, bad);
    expect(message).toMatch(/^task \w+: ResourceInitializationError: unable to pull secrets .*secret:missing/m);
    expect(healthy).toBe(1);
    await expectSettled("secretless", good);
    await remove("secretless");
  });
});

it("a first version that fails is stopped, and the next update starts the service again", async () => {
  await create("first", await definition("first", CRASHES));
  const { taskDefinition = "" } = await describeService("first");
  const message = await rollOut("first", taskDefinition);
  expect(message).toMatch(/^first: there is no previous version, so the service is stopped \(desired count 0\)$/m);
  expect(await describeService("first")).toMatchObject({ desiredCount: 0, runningCount: 0 });
  const fixed = await definition("first", HEALTHY);
  await ecs.send(new UpdateServiceCommand({ service: "first", taskDefinition: fixed }));
  expect(await rollOut("first", fixed)).toBe("");
  expect(await describeService("first")).toMatchObject({ desiredCount: 1, runningCount: 1 });
  await remove("first");
});

it("a deployment is rolled back if another service has failed", async () => {
  const good = await definition("other", HEALTHY);
  await create("other", good);
  await rollOut("other", good);
  const bad = await definition("other", NEVER_HEALTHY);
  await ecs.send(new UpdateServiceCommand({ service: "other", taskDefinition: bad }));
  const aborter = new AbortController();
  const args = { cluster: CLUSTER, service: "other", taskDefinition: bad, minTasks: 1, timeout: 60 };
  const wait = waitForDeployment({ ...args, log: () => aborter.abort(), signal: aborter.signal });
  await expect(wait).rejects.toThrow(/^other: the previous version is running$/);
  await expectSettled("other", good);
  await remove("other");
});

it("a GPU instance that does not start: its reason is logged within a minute, and is in the error", async () => {
  await createGpuProvider(emulator);
  const resourceRequirements: ContainerDefinition["resourceRequirements"] = [{ type: "GPU", value: "1" }];
  const taskDefinition = await definition("gpu", HEALTHY, { resourceRequirements });
  const reason = "VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows";
  await emulator.withFault("hosts", { mode: "refuse", reason }, async () => {
    await create("gpu", taskDefinition, "gpu");
    const started = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 5000)); // the first attempt fails before the update looks
    const log: { line: string; seconds: number }[] = [];
    const message = await rollOut("gpu", taskDefinition, {
      timeout: 30,
      log: (line) => void log.push({ line, seconds: (Date.now() - started) / 1000 }),
    });
    const sentence = /no GPU instance started \(\d+ attempts?, .*us-east-1a\): .*quota.*L-DB2E81BA/;
    expect(log.find(({ line }) => sentence.test(line))?.seconds).toBeLessThan(60);
    expect(message).toMatch(sentence);
    expect(message).toMatch(/^gpu: there is no previous version, so the service is stopped/m);
  });
  expect(await rollOut("gpu", taskDefinition)).toBe("");
  await remove("gpu");
});
