import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { containerDefinition, START_S, volumes, type Models } from "./container";
import { maximumPercent } from "./role-table";
import { executionStatements, taskStatements } from "./permissions";
import { taskRole, type Place } from "./roles";
import type { Secret } from "./secret";

export interface ServiceArgs extends Place {
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
  /** Tasks at the start, and at all times where nothing scales them. */
  tasks: number;
  /** Whether something else changes the count of tasks. */
  scaled: boolean;
  /** Whether the old task must end before the new one starts. */
  single?: boolean;
  /** Whether a task protects itself from scale-in while it runs a job. */
  protects?: boolean;
  /** Seconds that it has to end after SIGTERM; on Fargate at most 120. */
  stopTimeout: number;
  env: Record<string, pulumi.Input<string>>;
  /** Secrets by the variable that gets the value. */
  secrets: Record<string, Secret>;
  /** The shared volume of models; none: one of the task's own. */
  models?: Models;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Target group of the load balancer, and the container's port that it sends to. */
  balanced?: { targetGroupArn: pulumi.Input<string>; port: number };
  /** Days that logs are kept. */
  logDays: number;
  kmsKeyArn?: pulumi.Input<string>;
  /** What must be there before its first task, and go after its last one: a component's `dependsOn` does not reach what is in it. */
  after: pulumi.Resource[];
  /** Log group of ECS Exec; none: no ECS Exec. */
  exec?: { logGroupArn: pulumi.Input<string> };
}

/** A role of the application as an ECS service: roles, log, task definition and the service, with what it needs and no more. */
export class Service extends pulumi.ComponentResource {
  readonly service: aws.ecs.Service;
  readonly taskDefinition: aws.ecs.TaskDefinition;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Service", name, {}, opts);
    const child = { parent: this };
    const log = new aws.cloudwatch.LogGroup(name, { retentionInDays: args.logDays, kmsKeyId: args.kmsKeyArn }, child);
    const execution = taskRole(`${name}-execution`, args, executionStatements(args, log.arn), child);
    const task = taskRole(`${name}-task`, args, taskStatements(args), child);
    this.taskDefinition = new aws.ecs.TaskDefinition(
      name,
      {
        family: `${pulumi.getProject()}-${pulumi.getStack()}-${name}`,
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
    this.service = new aws.ecs.Service(name, serviceArgs(name, args, this.taskDefinition), {
      ...child,
      dependsOn: [...args.after, ...execution.ready, ...task.ready],
      ignoreChanges: args.scaled ? ["desiredCount"] : [],
    });
    this.registerOutputs();
  }
}

function serviceArgs(name: string, args: ServiceArgs, definition: aws.ecs.TaskDefinition): aws.ecs.ServiceArgs {
  return {
    name,
    cluster: args.cluster.arn,
    taskDefinition: definition.arn,
    desiredCount: args.tasks,
    capacityProviderStrategies: [{ capacityProvider: args.gpu ?? "FARGATE", weight: 1 }],
    // Fargate spreads by itself and takes no strategy.
    orderedPlacementStrategies:
      args.gpu === undefined
        ? undefined
        : [
            { type: "spread", field: "attribute:ecs.availability-zone" },
            { type: "binpack", field: "memory" },
          ],
    networkConfiguration: { subnets: args.subnetIds, securityGroups: [args.securityGroupId], assignPublicIp: false },
    deploymentMinimumHealthyPercent: args.single ? 0 : 100,
    deploymentMaximumPercent: maximumPercent(args),
    availabilityZoneRebalancing: args.single ? "DISABLED" : "ENABLED",
    deploymentCircuitBreaker: { enable: true, rollback: true },
    loadBalancers: args.balanced && [
      { targetGroupArn: args.balanced.targetGroupArn, containerName: name, containerPort: args.balanced.port },
    ],
    healthCheckGracePeriodSeconds: args.balanced && START_S,
    enableExecuteCommand: args.exec !== undefined,
    propagateTags: "SERVICE",
    enableEcsManagedTags: true,
  };
}
