import { basename } from "node:path";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type ContainerDefinition,
  type CreateServiceCommandInput,
  type RegisterTaskDefinitionCommandInput,
  type Service,
} from "@aws-sdk/client-ecs";
import { publisherEnvironment } from "../../stack/aws/operations/metrics";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { serviceSpecs, type ServiceSpec } from "../../stack/config/services";
import { AutoScalingCalls } from "./auto-scaling";
import { Emulator } from "./emulator";
import { docker, until } from "./engine";
import { createGpuProvider } from "./gpu-provider";
import { buildImages, tagOf } from "./images";
import type { Registered } from "./mocks";
import { APP, healthOf, Sandbox } from "./sandbox";
import { createWorkerScaling, scalingResources, SCALING_ALARM } from "./worker-scaling";

/**
 * A minute in AWS has three seconds. The start of a container is not shorter than in AWS, and beat must be replaced within the five minutes of
 * the alarm for missing data.
 */
const SPEED = 20;

export const LOG_GROUP = "jobs";

interface Options {
  /** Maximum number of workers. */
  maxTasks: number;
  /** Maximum number of GPU hosts. Each has room for one worker. */
  maxHosts: number;
}

/**
 * The cluster `default` of an emulated AWS with GPU hosts, beat, and the scaling of the stack for the service `worker`. Redis, the object
 * store, and an API that queues jobs are in a sandbox, and are not affected by the cluster.
 */
export class JobCluster {
  readonly sandbox = new Sandbox();
  readonly redis = this.sandbox.redis();
  private readonly objects = this.sandbox.objects();
  readonly ecs: ECSClient;
  readonly calls: AutoScalingCalls;
  private readonly api = this.sandbox.app("api", tagOf("cpu"));

  private constructor(
    readonly emulator: Emulator,
    private readonly services: ServiceSpec[],
    private readonly scaling: Registered[],
  ) {
    this.ecs = new ECSClient(emulator.clientConfig);
    this.calls = new AutoScalingCalls(emulator);
  }

  static async start({ maxTasks, maxHosts }: Options): Promise<JobCluster> {
    await buildImages("cpu");
    const settings = awsSettingsSchema.parse({ worker: { minTasks: 0, maxTasks, backlogPerTask: 4 } });
    const services = serviceSpecs(settings);
    const scaling = await scalingResources(services);
    const emulator = await Emulator.start({ tasks: true, speed: SPEED });
    const cluster = new JobCluster(emulator, services, scaling);
    try {
      await cluster.create(maxHosts);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private async create(maxHosts: number): Promise<void> {
    await this.ecs.send(new CreateClusterCommand({ clusterName: "default" }));
    const logs = new CloudWatchLogsClient(this.emulator.clientConfig);
    await logs.send(new CreateLogGroupCommand({ logGroupName: LOG_GROUP }));
    await createGpuProvider(this.emulator, maxHosts);
    await this.createBeat();
    const { run } = this.emulator;
    await until("the network of the tasks exists", 20, () => docker("network", "ls", "-qf", `name=${run}`));
    for (const [alias, id] of Object.entries({ redis: this.redis, objects: this.objects })) {
      docker("network", "connect", "--alias", alias, run, id);
    }
    await until("the API is healthy", 60, () => healthOf(this.api).status === "healthy");
  }

  /** Registers a task definition of a role. Returns its ARN. */
  async definition(
    role: string,
    env: Record<string, string>,
    more: Partial<ContainerDefinition> = {},
  ): Promise<string> {
    const options = { "awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": role };
    const container: ContainerDefinition = {
      name: role,
      image: tagOf("cpu"),
      command: [role],
      environment: Object.entries({ ...APP, ...env }).map(([name, value]) => ({ name, value })),
      logConfiguration: { logDriver: "awslogs", options },
      ...more,
    };
    return this.register({ family: role, cpu: "1024", memory: "512", containerDefinitions: [container] });
  }

  /** Registers a task definition. Returns its ARN. */
  async register(task: RegisterTaskDefinitionCommandInput): Promise<string> {
    const { taskDefinition } = await this.ecs.send(new RegisterTaskDefinitionCommand(task));
    return taskDefinition!.taskDefinitionArn!;
  }

  /** beat of the stack, with shorter times. Its own schedules queue no job during the tests. */
  private async createBeat(): Promise<void> {
    const times = { BACKLOG_EVERY_S: "1", SCALE_IN_DELAY_S: "6" };
    const taskDefinition = await this.definition("beat", { ...publisherEnvironment(this.services), ...times });
    const deploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };
    await this.ecs.send(
      new CreateServiceCommand({ serviceName: "beat", taskDefinition, desiredCount: 1, deploymentConfiguration }),
    );
  }

  /** Creates the service of the workers on GPU hosts, with no task, and its scaling. Waits until the alarm has data. */
  async createWorkers(taskDefinition: string, more: Partial<CreateServiceCommandInput> = {}): Promise<void> {
    const service = { serviceName: "worker", taskDefinition, desiredCount: 0 };
    const capacityProviderStrategy = [{ capacityProvider: "gpu", weight: 1 }];
    await this.ecs.send(new CreateServiceCommand({ ...service, capacityProviderStrategy, ...more }));
    await createWorkerScaling(this.calls, this.scaling);
    await until("the alarm has data", 40, async () => (await this.calls.alarm(SCALING_ALARM)).StateValue === "ALARM");
  }

  async service(serviceName: string): Promise<Service> {
    const { services } = await this.ecs.send(new DescribeServicesCommand({ services: [serviceName] }));
    return services![0];
  }

  /** ARNs of all tasks of a service that ever started. */
  async taskArns(serviceName: string): Promise<string[]> {
    const lists = (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
      this.ecs.send(new ListTasksCommand({ serviceName, desiredStatus })),
    );
    return (await Promise.all(lists)).flatMap(({ taskArns }) => taskArns!);
  }

  /** Queues a job that lasts some seconds. Returns its ID. */
  job(seconds: number): Promise<string> {
    return this.sandbox.job(this.api, seconds);
  }

  /** Creates an API key, which every API of the cluster accepts. */
  apiKey(): Promise<string> {
    return this.sandbox.apiKey(this.api);
  }

  /** State of a job as Celery writes it. Empty if there is none yet. */
  state(job: string): string {
    return this.sandbox.jobState(this.redis, job);
  }

  /** IDs of the jobs whose results are in the object store. */
  results(): string[] {
    const files = docker("exec", this.objects, "find", `/var/tmp/${APP.MINIO_BUCKET}/results`, "-name", "*.ply");
    return files.split("\n").map((path) => basename(path, ".ply"));
  }

  async stop(): Promise<void> {
    this.sandbox.remove();
    await this.emulator.stop();
  }
}
