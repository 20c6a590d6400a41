import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
} from "@aws-sdk/client-auto-scaling";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeContainerInstancesCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopServiceDeploymentCommand,
  UpdateServiceCommand,
  type ContainerDefinition,
  type Deployment,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { CloudWatchLogsClient, CreateLogGroupCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { capacityReasons } from "../../stack/aws/operations/rollout/capacity-reasons";
import { docker, until } from "../harness/engine";
import { Emulator } from "../harness/emulator";
import { createGpuProvider, GPU_AMI } from "../harness/gpu-provider";
import { baseOf } from "../harness/images";
import { IMAGES } from "../../stack/images/catalog";

const IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);
const LOG_GROUP = "tasks";
const CIRCUIT_BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } };

/** Commands of containers. The file `/tmp/healthy` makes them healthy. */
const HEALTHY = "touch /tmp/healthy; echo started; sleep 600";
const NEVER_HEALTHY = "echo starting; sleep 600";
const CRASHES = "echo boom; exit 3";
const HEALTHY_FOR_A_WHILE = "touch /tmp/healthy; sleep 6; rm /tmp/healthy; sleep 600";

const HEALTH_CHECK = { command: ["CMD-SHELL", "test -f /tmp/healthy"], interval: 1, timeout: 2, retries: 2 };

let emulator: Emulator;
let ecs: ECSClient;

beforeAll(async () => {
  emulator = await Emulator.start({ tasks: true });
  ecs = new ECSClient(emulator.clientConfig);
  const { endpoint, region, credentials } = emulator.clientConfig; // for the clients of the program
  vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
  vi.stubEnv("AWS_REGION", region);
  vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
  await ecs.send(new CreateClusterCommand({ clusterName: "default" }));
  await new CloudWatchLogsClient(emulator.clientConfig).send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
});
afterAll(async () => {
  const label = `label=spatialforge.emulator=${emulator.run}`;
  await emulator.stop();
  for (const kind of [
    ["ps", "-aq"],
    ["volume", "ls", "-q"],
    ["network", "ls", "-q"],
  ]) {
    expect(docker(...kind, "--filter", label), kind[0]).toBe("");
  }
});

/** Registers a task definition whose container runs a shell command. Returns its ARN. */
async function definition(family: string, command: string, more: Partial<ContainerDefinition> = {}): Promise<string> {
  const container: ContainerDefinition = {
    name: family,
    image: IMAGE,
    command: ["sh", "-c", `trap 'exit 0' TERM; ${command} & wait $!`],
    essential: true,
    memory: 128,
    healthCheck: HEALTH_CHECK,
    logConfiguration: {
      logDriver: "awslogs",
      options: { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": family },
    },
    ...more,
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family, cpu: "256", memory: "128", containerDefinitions: [container] }),
  );
  return taskDefinition!.taskDefinitionArn!;
}

async function create(serviceName: string, taskDefinition: string, desiredCount = 1): Promise<void> {
  const deploymentConfiguration = CIRCUIT_BREAKER;
  await ecs.send(new CreateServiceCommand({ serviceName, taskDefinition, desiredCount, deploymentConfiguration }));
}

const update = (service: string, changes: { taskDefinition?: string; desiredCount?: number }) =>
  ecs.send(new UpdateServiceCommand({ service, ...changes }));

async function serviceNamed(name: string): Promise<Service & { primary: Deployment }> {
  const { services } = await ecs.send(new DescribeServicesCommand({ services: [name] }));
  return { ...services![0], primary: services![0].deployments![0] };
}

async function tasksOf(serviceName: string, desiredStatus: "RUNNING" | "STOPPED" = "RUNNING"): Promise<Task[]> {
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ serviceName, desiredStatus }));
  if (taskArns.length === 0) return [];
  return (await ecs.send(new DescribeTasksCommand({ tasks: taskArns }))).tasks!;
}

const remove = (service: string) => ecs.send(new DeleteServiceCommand({ service, force: true }));

const completed = (name: string) =>
  until(
    `the deployment of ${name} is complete`,
    40,
    async () => (await serviceNamed(name)).primary.rolloutState === "COMPLETED",
  );

/** Lines that the container of a task wrote. */
async function logOf(task: Task): Promise<string[]> {
  const { name } = task.containers![0];
  const logStreamName = `${name}/${name}/${task.taskArn!.split("/").at(-1)}`;
  const logs = new CloudWatchLogsClient(emulator.clientConfig);
  const { events = [] } = await logs.send(new GetLogEventsCommand({ logGroupName: LOG_GROUP, logStreamName }));
  return events.map(({ message }) => message!);
}

const containerOf = (task: Task): string =>
  docker("ps", "-aq", "--filter", `label=spatialforge.emulator.task=${task.taskArn!.split("/").at(-1)}`);

it("a task is a container with the limits and restrictions of its task definition, and its log has a stream", async () => {
  const secrets = new SecretsManagerClient(emulator.clientConfig);
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: "settings", SecretString: '{"TOKEN":"t0"}' }));
  const more: Partial<ContainerDefinition> = {
    user: "10001:10001",
    environment: [{ name: "PLAIN", value: "p" }],
    secrets: [{ name: "TOKEN", valueFrom: `${ARN}:TOKEN::` }],
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true, sharedMemorySize: 128 },
    dockerSecurityOptions: ["no-new-privileges"],
    ulimits: [{ name: "nofile", softLimit: 1024, hardLimit: 2048 }],
  };
  await create(
    "restricted",
    await definition("restricted", "echo $PLAIN $TOKEN; id -u; sleep 600", { ...more, healthCheck: undefined }),
  );
  await completed("restricted");
  const [task] = await tasksOf("restricted");
  const { HostConfig: host, Config: config } = JSON.parse(docker("inspect", "-f", "{{json .}}", containerOf(task))) as {
    HostConfig: Record<string, unknown>;
    Config: Record<string, unknown>;
  };
  expect(host).toMatchObject({
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    Init: true,
    ShmSize: 128 * 1024 * 1024,
    Memory: 128 * 1024 * 1024,
    NanoCpus: 250_000_000,
    Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 2048 }],
  });
  expect(config.User).toBe("10001:10001");
  await until("the log has its lines", 10, async () => (await logOf(task)).join() === "p t0,10001");
  await remove("restricted");
});

it("a task is RUNNING before it is healthy, and the deployment is complete when it is healthy", async () => {
  await create(
    "slow",
    await definition("slow", `sleep 4; ${HEALTHY}`, { healthCheck: { ...HEALTH_CHECK, retries: 10 } }),
  );
  await until("the task runs", 20, async () => (await serviceNamed("slow")).runningCount === 1);
  expect((await tasksOf("slow"))[0]).toMatchObject({ lastStatus: "RUNNING", healthStatus: "UNKNOWN" });
  expect((await serviceNamed("slow")).primary).toMatchObject({ rolloutState: "IN_PROGRESS", runningCount: 1 });
  await completed("slow");
  expect((await tasksOf("slow"))[0]).toMatchObject({ lastStatus: "RUNNING", healthStatus: "HEALTHY" });
  const { serviceDeployments } = await ecs.send(new ListServiceDeploymentsCommand({ service: "slow" }));
  expect(serviceDeployments).toMatchObject([{ status: "SUCCESSFUL" }]);
  await remove("slow");
});

it("a new version replaces the old one without a time in which no task is healthy", async () => {
  await create("rolling", await definition("rolling", HEALTHY), 2);
  await completed("rolling");
  const before = (await tasksOf("rolling")).map(({ taskArn }) => taskArn);
  await update("rolling", { taskDefinition: await definition("rolling", `echo new; ${HEALTHY}`) });
  let fewest = Infinity;
  await until("the new deployment is complete", 60, async () => {
    const healthy = (await tasksOf("rolling")).filter(({ healthStatus }) => healthStatus === "HEALTHY").length;
    fewest = Math.min(fewest, healthy);
    return (await serviceNamed("rolling")).primary.rolloutState === "COMPLETED";
  });
  expect(fewest).toBeGreaterThanOrEqual(2);
  const after = (await tasksOf("rolling")).map(({ taskArn }) => taskArn);
  expect(after).toHaveLength(2);
  expect(after.filter((arn) => before.includes(arn))).toEqual([]);
  await remove("rolling");
});

it("an unhealthy task of the old version stops when the new version is healthy", async () => {
  await create("failing", await definition("failing", `touch /tmp/healthy; sleep 3; rm /tmp/healthy; sleep 600`));
  await completed("failing");
  const [{ taskArn }] = await tasksOf("failing");
  const slow = { healthCheck: { ...HEALTH_CHECK, retries: 10 } };
  await update("failing", { taskDefinition: await definition("failing", `sleep 8; ${HEALTHY}`, slow) });
  let fewest = Infinity;
  await until("the new deployment is complete", 60, async () => {
    fewest = Math.min(fewest, (await tasksOf("failing")).filter(({ lastStatus }) => lastStatus === "RUNNING").length);
    return (await serviceNamed("failing")).primary.rolloutState === "COMPLETED";
  });
  expect(fewest).toBe(1);
  expect((await tasksOf("failing")).map((task) => task.taskArn)).not.toContain(taskArn);
  await remove("failing");
});

it("with a maximum of 100 percent, the old task stops before the new one starts", async () => {
  const deploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };
  const taskDefinition = await definition("single", HEALTHY);
  await ecs.send(
    new CreateServiceCommand({ serviceName: "single", taskDefinition, desiredCount: 1, deploymentConfiguration }),
  );
  await completed("single");
  await update("single", { taskDefinition: await definition("single", `echo new; ${HEALTHY}`) });
  let most = 0;
  await until("the new deployment is complete", 40, async () => {
    const { runningCount = 0, primary } = await serviceNamed("single");
    most = Math.max(most, runningCount);
    return primary.rolloutState === "COMPLETED" && runningCount === 1;
  });
  expect(most).toBe(1);
  await remove("single");
});

it("an image that never gets healthy runs, is replaced, and is rolled back after three tasks", async () => {
  const good = await definition("unhealthy", HEALTHY);
  await create("unhealthy", good);
  await completed("unhealthy");
  await update("unhealthy", { taskDefinition: await definition("unhealthy", NEVER_HEALTHY) });
  await until("a task is unhealthy", 30, async () =>
    (await tasksOf("unhealthy", "STOPPED")).some(({ healthStatus }) => healthStatus === "UNHEALTHY"),
  );
  const [stopped] = (await tasksOf("unhealthy", "STOPPED")).filter(({ healthStatus }) => healthStatus === "UNHEALTHY");
  expect(stopped.stoppedReason).toBe("Task failed container health checks");
  await until("the service runs the good version again", 60, async () => {
    const { primary } = await serviceNamed("unhealthy");
    return primary.taskDefinition === good && primary.rolloutState === "COMPLETED";
  });
  const { serviceDeployments } = await ecs.send(new ListServiceDeploymentsCommand({ service: "unhealthy" }));
  expect(serviceDeployments![0].status).toBe("ROLLBACK_SUCCESSFUL");
  // The reason of a failed health check is in the log only if the image writes it there.
  expect(await logOf(stopped)).toEqual(["starting"]);
  await remove("unhealthy");
});

it("an image that crashes: exit code, reason, log, and a failed deployment", async () => {
  await create("crash", await definition("crash", CRASHES));
  await until(
    "the deployment has failed",
    40,
    async () => (await serviceNamed("crash")).primary.rolloutState === "FAILED",
  );
  expect((await serviceNamed("crash")).primary).toMatchObject({
    failedTasks: 3,
    rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
  });
  const [task] = await tasksOf("crash", "STOPPED");
  expect(task).toMatchObject({
    stopCode: "EssentialContainerExited",
    stoppedReason: "Essential container in task exited",
    containers: [{ exitCode: 3 }],
  });
  expect(await logOf(task)).toEqual(["boom"]);
  await remove("crash");
});

it("a task that is healthy and then is not is replaced, and its deployment stays complete", async () => {
  await create("later", await definition("later", HEALTHY_FOR_A_WHILE));
  await completed("later");
  const [first] = await tasksOf("later");
  await until("the task is replaced", 30, async () => {
    const tasks = await tasksOf("later");
    return tasks.length > 0 && tasks.every(({ taskArn }) => taskArn !== first.taskArn);
  });
  expect((await serviceNamed("later")).primary).toMatchObject({ rolloutState: "COMPLETED", failedTasks: 0 });
  await remove("later");
});

it("a secret that does not exist stops the task before its container starts, with the reason of ECS", async () => {
  const valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:missing-AbCdEf";
  await create("secretless", await definition("secretless", HEALTHY, { secrets: [{ name: "S", valueFrom }] }));
  await until("a task has stopped", 20, async () => (await tasksOf("secretless", "STOPPED")).length > 0);
  const [task] = await tasksOf("secretless", "STOPPED");
  expect(task.stopCode).toBe("TaskFailedToStart");
  expect(task.stoppedReason).toMatch(
    /^ResourceInitializationError: unable to pull secrets or registry auth: .*secret:missing/,
  );
  expect(task.containers![0].exitCode).toBeUndefined();
  await remove("secretless");
});

it("a deployment of a service without desired tasks is complete at once", async () => {
  await create("zero", await definition("zero", NEVER_HEALTHY), 0);
  expect((await serviceNamed("zero")).primary).toMatchObject({ rolloutState: "COMPLETED", runningCount: 0 });
  await remove("zero");
});

it("a service deployment can be stopped, and is then rolled back", async () => {
  const good = await definition("stopped", HEALTHY);
  await create("stopped", good);
  await completed("stopped");
  await update("stopped", { taskDefinition: await definition("stopped", NEVER_HEALTHY) });
  const list = () => ecs.send(new ListServiceDeploymentsCommand({ service: "stopped", status: ["IN_PROGRESS"] }));
  const [{ serviceDeploymentArn }] = (await list()).serviceDeployments!;
  await ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: "ROLLBACK" }));
  await until("the service deployment is rolled back", 60, async () => {
    const serviceDeploymentArns = [serviceDeploymentArn!];
    const { serviceDeployments } = await ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns }));
    return serviceDeployments![0].status === "ROLLBACK_SUCCESSFUL";
  });
  expect((await serviceNamed("stopped")).primary.taskDefinition).toBe(good);
  await remove("stopped");
});

it("a task that protects itself is not stopped by scale-in until its protection ends", async () => {
  const protect = (enabled: boolean) =>
    `python3 -c "import os, urllib.request; urllib.request.urlopen(urllib.request.Request(os.environ['ECS_AGENT_URI'] + '/task-protection/v1/state', b'{\\"ProtectionEnabled\\": ${enabled}}', method='PUT'))"`;
  const command = `${protect(true)}; touch /tmp/healthy; sleep 8; ${protect(false)}; sleep 600`;
  await create("protected", await definition("protected", command));
  await completed("protected");
  await update("protected", { desiredCount: 0 });
  expect(await tasksOf("protected")).toHaveLength(1);
  await until("the task stops", 30, async () => (await tasksOf("protected")).length === 0);
  await remove("protected");
});

it("RunTask runs a task once, with the command of its overrides", async () => {
  const taskDefinition = await definition("once", HEALTHY, { healthCheck: undefined });
  const overrides = { containerOverrides: [{ name: "once", command: ["sh", "-c", "echo overridden; exit 7"] }] };
  const { tasks } = await ecs.send(new RunTaskCommand({ taskDefinition, overrides }));
  const describeTask = async () =>
    (await ecs.send(new DescribeTasksCommand({ tasks: [tasks![0].taskArn!] }))).tasks![0];
  await until("the task has stopped", 30, async () => (await describeTask()).lastStatus === "STOPPED");
  const task = await describeTask();
  expect(task.containers![0].exitCode).toBe(7);
  expect(await logOf(task)).toEqual(["overridden"]);
  const unknown = { containerOverrides: [{ name: "other", command: ["sh"] }] };
  await expect(ecs.send(new RunTaskCommand({ taskDefinition, overrides: unknown }))).rejects.toThrow(
    "Override for container named other is not a container in the TaskDefinition.",
  );
});

async function createGpuService(serviceName: string, desiredCount: number): Promise<void> {
  const resourceRequirements: ContainerDefinition["resourceRequirements"] = [{ type: "GPU", value: "1" }];
  const taskDefinition = await definition(serviceName, HEALTHY, { resourceRequirements });
  const capacityProviderStrategy = [{ capacityProvider: "gpu", weight: 1 }];
  await ecs.send(new CreateServiceCommand({ serviceName, taskDefinition, desiredCount, capacityProviderStrategy }));
}

const desiredHosts = async () => {
  const autoScaling = new AutoScalingClient(emulator.clientConfig);
  return (await autoScaling.send(new DescribeAutoScalingGroupsCommand({}))).AutoScalingGroups![0].DesiredCapacity;
};

/** The scaling activities of the GPU hosts, the newest first. */
async function activities(): Promise<string[]> {
  const autoScaling = new AutoScalingClient(emulator.clientConfig);
  const command = new DescribeScalingActivitiesCommand({ AutoScalingGroupName: "gpu" });
  const { Activities = [] } = await autoScaling.send(command);
  return Activities.map(({ StatusCode, StatusMessage }) => [StatusCode, StatusMessage].filter(Boolean).join(": "));
}

describe("GPU hosts", () => {
  beforeAll(() => createGpuProvider(emulator));

  it("a task with a GPU waits in PROVISIONING for a host, and the empty host goes", async () => {
    await createGpuService("gpu", 2);
    expect((await tasksOf("gpu")).map(({ lastStatus }) => lastStatus)).toEqual(["PROVISIONING", "PROVISIONING"]);
    await completed("gpu");
    expect(await desiredHosts()).toBe(2);
    await remove("gpu");
    await until("the hosts are gone", 40, async () => (await desiredHosts()) === 0);
  });

  it("RunTask on a capacity provider waits for a host, whose container instance has the ID of its AMI", async () => {
    const taskDefinition = await definition("verified", "exit 0", { healthCheck: undefined });
    const capacityProviderStrategy = [{ capacityProvider: "gpu", weight: 1 }];
    const run = new RunTaskCommand({ taskDefinition, capacityProviderStrategy });
    const taskArn = (await ecs.send(run)).tasks![0].taskArn!;
    const describeTask = async () => (await ecs.send(new DescribeTasksCommand({ tasks: [taskArn] }))).tasks![0];
    expect((await describeTask()).lastStatus).toBe("PROVISIONING");
    await until("the task has stopped", 40, async () => (await describeTask()).lastStatus === "STOPPED");
    const { containers, containerInstanceArn } = await describeTask();
    expect(containers![0].exitCode).toBe(0);
    const describe = new DescribeContainerInstancesCommand({ containerInstances: [containerInstanceArn!] });
    const { containerInstances } = await ecs.send(describe);
    expect(containerInstances![0].attributes).toContainEqual({ name: "ecs.ami-id", value: GPU_AMI });
    await until("the hosts are gone", 40, async () => (await desiredHosts()) === 0);
  });

  it("a host that does not come: the task waits, and the reason is in the scaling activities", async () => {
    const reason = "VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows";
    const since = new Date();
    await emulator.withFault("hosts", { mode: "refuse", reason }, async () => {
      await createGpuService("refused", 1);
      await until("an activity has failed", 20, async () => (await activities())[0] === `Failed: ${reason}`);
      expect((await tasksOf("refused"))[0].lastStatus).toBe("PROVISIONING");
      expect((await serviceNamed("refused")).primary).toMatchObject({ rolloutState: "IN_PROGRESS", failedTasks: 0 });
      expect(await capacityReasons({ cluster: "default", since })).toEqual([
        expect.stringMatching(
          /^no GPU instance started \(1 attempt, us-east-1a\): the quota .*\(L-DB2E81BA\) is too low: it is 0 vCPUs\. Request /,
        ),
      ]);
    });
    await completed("refused");
    expect(await capacityReasons({ cluster: "default", since })).toEqual([]);
    await remove("refused");
  });

  it("a host that dies: its task stops with the reason, and runs on a new host", async () => {
    await createGpuService("dying", 1);
    await completed("dying");
    const [before] = await tasksOf("dying");
    await emulator.withFault("hosts", { mode: "die" }, () =>
      until("the task has stopped", 20, async () => (await tasksOf("dying", "STOPPED")).length > 0),
    );
    const stopped = (await tasksOf("dying", "STOPPED")).find(({ taskArn }) => taskArn === before.taskArn)!;
    expect(stopped.stoppedReason).toMatch(/^Host EC2 \(instance i-\w+\) terminated\.$/);
    await until("another task runs", 40, async () =>
      (await tasksOf("dying")).some(({ healthStatus }) => healthStatus === "HEALTHY"),
    );
    await remove("dying");
  });
});
