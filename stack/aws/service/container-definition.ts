import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../../app/application";
import { MODEL_VOLUME_PATH } from "../../config/model-set";
import { imageHealthCheck } from "../../images/health-check";
import { IMAGE_UID } from "../../images/user";
import type { TaskArgs } from "./task-args";

/**
 * If CloudWatch Logs cannot be reached, lines wait in a buffer outside the container, and lines are lost when it is full. In the mode
 * `blocking`, the application would stop with its next line, and the API would not answer. 25 MiB are 100,000 lines of 250 bytes. The metrics
 * are at most two lines a minute: they are lost only in an outage in which they could not arrive in time anyway. The mode is explicit,
 * because its default is a setting of the account.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html
 * https://aws.amazon.com/blogs/containers/preventing-log-loss-with-non-blocking-mode-in-the-awslogs-container-log-driver/
 */
const LOG_BUFFER = { mode: "non-blocking", "max-buffer-size": "25m" };

/** Mount paths of the volumes that a container can write to, by volume name. The agent of ECS Exec requires two more. */
const SCRATCH_VOLUMES = { tmp: "/tmp" };
const EXEC_VOLUMES = { "ssm-lib": "/var/lib/amazon", "ssm-log": "/var/log/amazon" };

const scratchVolumes = ({ execLogGroupArn }: TaskArgs): Record<string, string> => ({
  ...SCRATCH_VOLUMES,
  ...(execLogGroupArn ? EXEC_VOLUMES : {}),
});

/** The volumes of a task. Without a model volume, the task gets an empty volume for models. */
export function taskVolumes(args: TaskArgs): aws.types.input.ecs.TaskDefinitionVolume[] {
  return [
    {
      name: "models",
      efsVolumeConfiguration: args.modelVolume && {
        fileSystemId: args.modelVolume.fileSystemId,
        transitEncryption: "ENABLED",
        authorizationConfig: { accessPointId: args.modelVolume.accessPointId, iam: "ENABLED" },
      },
    },
    ...Object.keys(scratchVolumes(args)).map((name) => ({ name })),
  ];
}

/** The definition of the container. Variables and secrets are sorted, so that their order never causes a difference. */
export function containerDefinition(args: TaskArgs, logGroup: pulumi.Input<string>) {
  const mounts = { models: MODEL_VOLUME_PATH, ...scratchVolumes(args) };
  const { port } = APPLICATION;
  return {
    name: args.containerName,
    image: args.image,
    essential: true,
    user: `${IMAGE_UID}:${IMAGE_UID}`,
    command: args.command,
    environment: sortedEntries(args.environment).map(([name, value]) => ({ name, value })),
    secrets: sortedEntries(args.secrets).map(([name, { valueFrom }]) => ({ name, valueFrom })),
    resourceRequirements: args.gpu ? [{ type: "GPU", value: "1" }] : [],
    healthCheck: args.runsToCompletion ? undefined : imageHealthCheck(),
    portMappings: args.loadBalanced ? [{ containerPort: port, hostPort: port, protocol: "tcp" }] : [],
    mountPoints: Object.entries(mounts).map(([sourceVolume, containerPath]) => ({
      sourceVolume,
      containerPath,
      readOnly: false,
    })),
    readonlyRootFilesystem: true,
    linuxParameters: {
      capabilities: { drop: ["ALL"] },
      initProcessEnabled: true,
      sharedMemorySize: args.gpu ? args.sharedMemorySize : undefined, // Fargate does not support it
    },
    ...(args.gpu ? { dockerSecurityOptions: ["no-new-privileges"] } : {}), // Fargate does not support it
    stopTimeout: args.stopTimeout,
    logConfiguration: {
      logDriver: "awslogs",
      options: {
        "awslogs-group": logGroup,
        "awslogs-region": args.region,
        "awslogs-stream-prefix": args.containerName,
        ...LOG_BUFFER,
      },
    },
    ulimits: [{ name: "nofile", softLimit: 65536, hardLimit: 65536 }],
    systemControls: [],
    volumesFrom: [],
  };
}

const sortedEntries = <T>(record: Record<string, T>): [string, T][] =>
  Object.entries(record).sort(([a], [b]) => a.localeCompare(b));
