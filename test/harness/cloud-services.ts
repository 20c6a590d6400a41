import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type ContainerDefinition,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { vi } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import type { Emulator } from "./emulator";
import { until } from "./engine";
import { baseOf } from "./images";

/** Image of the tasks: it has a shell and Python. */
export const TASK_IMAGE = baseOf(IMAGES.find(({ name }) => name === "cpu")!);

/** Services of a cluster in the emulated AWS whose tasks run shell commands. The file `/tmp/healthy` makes a task healthy. */
export class CloudServices {
  readonly ecs: ECSClient;

  private constructor(
    emulator: Emulator,
    readonly cluster: string,
    private readonly image: string,
  ) {
    this.ecs = new ECSClient(emulator.clientConfig);
  }

  /** Creates the cluster, and makes the clients of the program use the emulated AWS. The log group of a service is `logs-SERVICE`. */
  static async start(emulator: Emulator, cluster: string, image = TASK_IMAGE): Promise<CloudServices> {
    vi.stubEnv("AWS_ENDPOINT_URL", emulator.url);
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    const services = new CloudServices(emulator, cluster, image);
    await services.ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const logs = new CloudWatchLogsClient(emulator.clientConfig);
    for (const name of ["api", "worker", "beat"]) {
      await logs.send(new CreateLogGroupCommand({ logGroupName: `logs-${name}` }));
    }
    return services;
  }

  /** Registers a task definition of a service whose container runs a shell command. Returns its ARN. */
  async definition(service: string, command: string, more: Partial<ContainerDefinition> = {}): Promise<string> {
    const options = {
      "awslogs-group": `logs-${service}`,
      "awslogs-region": "us-east-1",
      "awslogs-stream-prefix": service,
    };
    const container: ContainerDefinition = {
      name: service,
      image: this.image,
      command: ["sh", "-c", `trap 'exit 0' TERM; ${command} & wait $!`],
      memory: 64,
      healthCheck: { command: ["CMD-SHELL", "test -f /tmp/healthy"], interval: 1, timeout: 2, retries: 3 },
      logConfiguration: { logDriver: "awslogs", options },
      ...more,
    };
    const { taskDefinition } = await this.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: service,
        cpu: "256",
        memory: "64",
        containerDefinitions: [container],
      }),
    );
    return taskDefinition!.taskDefinitionArn!;
  }

  async create(serviceName: string, taskDefinition: string, provider?: string): Promise<void> {
    await this.ecs.send(
      new CreateServiceCommand({
        cluster: this.cluster,
        serviceName,
        taskDefinition,
        desiredCount: 1,
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
        capacityProviderStrategy: provider ? [{ capacityProvider: provider, weight: 1 }] : undefined,
      }),
    );
  }

  async update(service: string, changes: { taskDefinition?: string; desiredCount?: number }): Promise<void> {
    await this.ecs.send(new UpdateServiceCommand({ cluster: this.cluster, service, ...changes }));
  }

  async describe(service: string): Promise<Service> {
    const { services } = await this.ecs.send(
      new DescribeServicesCommand({ cluster: this.cluster, services: [service] }),
    );
    return services![0];
  }

  /** The tasks of a service that run or start. */
  async tasks(serviceName: string): Promise<Task[]> {
    const { cluster } = this;
    const { taskArns = [] } = await this.ecs.send(new ListTasksCommand({ cluster, serviceName }));
    if (!taskArns.length) return [];
    return (await this.ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))).tasks!;
  }

  /** Waits until the primary deployment of a service is complete and all its tasks are healthy. */
  async completed(service: string): Promise<void> {
    await until(`${service} is deployed`, 60, async () => {
      const { deployments, desiredCount } = await this.describe(service);
      const tasks = await this.tasks(service);
      const healthy = tasks.filter(({ healthStatus }) => healthStatus === "HEALTHY").length;
      return deployments?.[0].rolloutState === "COMPLETED" && healthy === desiredCount;
    });
  }
}
