import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { previewableImage } from "../../images/placeholder";
import { taskRole } from "../iam";
import { containerDefinition, taskVolumes } from "./container-definition";
import { executionStatements, taskStatements } from "./permissions";
import type { TaskArgs } from "./task-args";

/**
 * Creates a task definition with its log group, its execution role, and its task role.
 * @returns the task definition, and the resources that must exist before a task starts
 */
export function taskDefinition(
  name: string,
  args: TaskArgs,
  opts: pulumi.CustomResourceOptions,
): { taskDefinition: aws.ecs.TaskDefinition; dependencies: pulumi.Resource[] } {
  const logGroup = new aws.cloudwatch.LogGroup(
    `${name}-logs`,
    { retentionInDays: args.logRetentionDays, kmsKeyId: args.kmsKeyArn },
    opts,
  );
  const executionRole = taskRole(`${name}-execution`, args, executionStatements(args, logGroup.arn), opts);
  const role = taskRole(`${name}-task`, args, taskStatements(args), opts);
  const image = previewableImage(args.image, args.repository.url);
  const taskDefinition = new aws.ecs.TaskDefinition(
    `${name}-task-definition`,
    {
      family: args.family,
      requiresCompatibilities: [args.gpu ? "EC2" : "FARGATE"],
      networkMode: "awsvpc",
      runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
      cpu: String(args.cpu),
      memory: String(args.memory),
      executionRoleArn: executionRole.role.arn,
      taskRoleArn: role.role.arn,
      volumes: taskVolumes(args),
      containerDefinitions: pulumi.jsonStringify([containerDefinition({ ...args, image }, logGroup.name)]),
    },
    opts,
  );
  return { taskDefinition, dependencies: [...executionRole.dependencies, ...role.dependencies] };
}
