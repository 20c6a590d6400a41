import type {
  ContainerDefinition,
  CreateServiceCommandInput,
  RegisterTaskDefinitionCommandInput,
} from "@aws-sdk/client-ecs";
import type { RoleName } from "../../stack/roles";
import { awsPlatform } from "./aws-platform";
import { tagOf } from "./images";
import { byName, type Registered } from "./mocks";
import { APP } from "./sandbox";

/** Tasks are healthy as soon as their checks succeed. The API runs without a GPU. */
const resources = (): Promise<Registered[]> => awsPlatform("prod", { minHealthyTime: 0, api: { gpu: false } });

/**
 * The task definition of a role in the stack `prod`, for an emulated AWS with the application of a sandbox: with its limits, restrictions,
 * health check, and stop timeout.
 * @param env - environment variables, in addition to those of the stack
 */
export async function stackTask(
  role: RoleName,
  logGroup: string,
  env: Record<string, string> = {},
): Promise<RegisterTaskDefinitionCommandInput & { containerDefinitions: [ContainerDefinition] }> {
  const inputs = byName(await resources(), "aws:ecs/taskDefinition:TaskDefinition")[`${role}-task-definition`];
  const [container] = JSON.parse(inputs.containerDefinitions as string) as ContainerDefinition[];
  const ofStack = container.environment!.map(({ name, value }) => [name, value]);
  const environment = { ...Object.fromEntries(ofStack), MINIO_SECURE: "false", ...APP, ...env } as Record<
    string,
    string
  >;
  const options = { "awslogs-group": logGroup, "awslogs-region": "us-east-1", "awslogs-stream-prefix": role };
  return {
    family: role,
    cpu: inputs.cpu as string,
    memory: inputs.memory as string,
    volumes: container.mountPoints!.map(({ sourceVolume }) => ({ name: sourceVolume })),
    containerDefinitions: [
      {
        ...container,
        image: tagOf("cpu"),
        secrets: [],
        environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
        logConfiguration: { logDriver: "awslogs", options },
      },
    ],
  };
}

/** How the stack `prod` deploys a role. */
export async function stackService(role: RoleName): Promise<Partial<CreateServiceCommandInput>> {
  const inputs = byName(await resources(), "aws:ecs/service:Service")[role];
  return {
    desiredCount: inputs.desiredCount as number,
    healthCheckGracePeriodSeconds: inputs.healthCheckGracePeriodSeconds as number,
    deploymentConfiguration: {
      minimumHealthyPercent: inputs.deploymentMinimumHealthyPercent as number,
      maximumPercent: inputs.deploymentMaximumPercent as number,
      deploymentCircuitBreaker: inputs.deploymentCircuitBreaker as { enable: boolean; rollback: boolean },
    },
  };
}

/** Inputs of the target group of the stack `prod`. */
export async function stackTargetGroup(): Promise<Registered["inputs"]> {
  return byName(await resources(), "aws:lb/targetGroup:TargetGroup")["load-balancer-api"];
}
