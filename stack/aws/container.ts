import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { imageHealthCheck } from "../images/health-check";
import { IMAGE_UID } from "../images/user";
import type { TaskArgs } from "./task";

/** The shared volume of models. */
export interface Models {
  fileSystemId: pulumi.Input<string>;
  fileSystemArn: pulumi.Input<string>;
  accessPointId: pulumi.Input<string>;
  accessPointArn: pulumi.Input<string>;
}

/** Seconds that a new task's check may fail: a GPU task loads its models first. ECS allows 300 at most. */
export const START_S = 300;

/** Where a container may write; ECS Exec's agent needs two places of its own. */
const SCRATCH = { tmp: "/tmp" };
const EXEC_SCRATCH = { "ssm-lib": "/var/lib/amazon", "ssm-log": "/var/log/amazon" };

const scratch = (args: Pick<TaskArgs, "exec">) => ({ ...SCRATCH, ...(args.exec ? EXEC_SCRATCH : {}) });

/** The volumes of a task. */
export function volumes(args: Pick<TaskArgs, "exec" | "models">): aws.types.input.ecs.TaskDefinitionVolume[] {
  return [
    {
      name: "models",
      efsVolumeConfiguration: args.models && {
        fileSystemId: args.models.fileSystemId,
        transitEncryption: "ENABLED",
        authorizationConfig: { accessPointId: args.models.accessPointId, iam: "ENABLED" },
      },
    },
    ...Object.keys(scratch(args)).map((name) => ({ name })),
  ];
}

/** A container's definition; lists are sorted, so that the same thing never looks like another one. */
export function containerDefinition(name: string, args: TaskArgs, logGroup: pulumi.Input<string>) {
  const mounts = { models: "/models", ...scratch(args) };
  return {
    name,
    image: args.image,
    essential: true,
    user: `${IMAGE_UID}:${IMAGE_UID}`,
    command: args.command,
    environment: sorted(args.env).map(([key, value]) => ({ name: key, value })),
    secrets: sorted(args.secrets).map(([key, { valueFrom }]) => ({ name: key, valueFrom })),
    resourceRequirements: args.gpu === undefined ? [] : [{ type: "GPU", value: "1" }],
    healthCheck: args.serves === false ? undefined : { ...imageHealthCheck(), startPeriod: START_S },
    portMappings: args.balanced
      ? [{ containerPort: args.balanced.port, hostPort: args.balanced.port, protocol: "tcp" }]
      : [],
    mountPoints: Object.entries(mounts).map(([sourceVolume, containerPath]) => ({
      sourceVolume,
      containerPath,
      readOnly: false,
    })),
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
    ...(args.gpu === undefined ? {} : { dockerSecurityOptions: ["no-new-privileges"] }), // Fargate has no such option
    stopTimeout: args.stopTimeout,
    logConfiguration: {
      logDriver: "awslogs",
      options: { "awslogs-group": logGroup, "awslogs-region": args.region, "awslogs-stream-prefix": name },
    },
    ulimits: [{ name: "nofile", softLimit: 65536, hardLimit: 65536 }],
    systemControls: [],
    volumesFrom: [],
  };
}

/** Entries by their key. */
export function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => a.localeCompare(b));
}
