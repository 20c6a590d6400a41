import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { containerDefinition, volumes, type Models } from "./container";
import { stackName } from "./name";
import { executionStatements, taskStatements } from "./permissions";
import { taskRole, type Place } from "./roles";
import type { Secret } from "./secret";

export interface TaskArgs extends Place {
  cluster: { arn: pulumi.Input<string>; name: pulumi.Input<string> };
  /** `repository@sha256:...` */
  image: pulumi.Input<string>;
  repositoryArn: pulumi.Input<string>;
  command: string[];
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** Name of the GPU hosts' capacity provider; none: Fargate, without a GPU. */
  gpu?: pulumi.Input<string>;
  /** Whether it protects itself from scale-in while it runs a job. */
  protects?: boolean;
  /** Whether it is a role that serves, and so has a health check; one that only does its work and ends has none. */
  serves?: boolean;
  /** Seconds that it has to end after SIGTERM; on Fargate at most 120. */
  stopTimeout: number;
  env: Record<string, pulumi.Input<string>>;
  /** Secrets by the variable that gets the value. */
  secrets: Record<string, Secret>;
  /** The shared volume of models; none: one of the task's own. */
  models?: Models;
  /** The container's port that the load balancer sends to. */
  balanced?: { port: number };
  /** Days that logs are kept. */
  logDays: number;
  kmsKeyArn?: pulumi.Input<string>;
  /** Log group of ECS Exec; none: no ECS Exec. */
  exec?: { logGroupArn: pulumi.Input<string> };
}

/** A task definition with its log and its two roles, with what they need and no more. */
export function taskDefinition(
  name: string,
  args: TaskArgs,
  child: pulumi.CustomResourceOptions,
): { definition: aws.ecs.TaskDefinition; ready: pulumi.Resource[] } {
  const log = new aws.cloudwatch.LogGroup(name, { retentionInDays: args.logDays, kmsKeyId: args.kmsKeyArn }, child);
  const execution = taskRole(`${name}-execution`, args, executionStatements(args, log.arn), child);
  const task = taskRole(`${name}-task`, args, taskStatements(args), child);
  const definition = new aws.ecs.TaskDefinition(
    name,
    {
      family: `${stackName()}-${name}`,
      requiresCompatibilities: [args.gpu === undefined ? "FARGATE" : "EC2"],
      networkMode: "awsvpc",
      runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
      cpu: String(args.cpu),
      memory: String(args.memory),
      executionRoleArn: execution.role.arn,
      taskRoleArn: task.role.arn,
      volumes: volumes(args),
      containerDefinitions: pulumi.jsonStringify([containerDefinition(name, args, log.name)]),
    },
    child,
  );
  return { definition, ready: [...execution.ready, ...task.ready] };
}
