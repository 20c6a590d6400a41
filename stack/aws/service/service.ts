import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../../app/application";
import { maximumPercent } from "../../config/services";
import { imageHealthCheck, secondsUntilUnhealthy } from "../../images/health-check";
import type { TaskArgs } from "./task-args";
import { taskDefinition } from "./task-definition";

export interface ServiceArgs extends Omit<TaskArgs, "gpu" | "containerName" | "loadBalanced"> {
  /** Name of the service and its container in AWS. */
  name: string;
  /** Minimum number of tasks. The service is created with it, and keeps it if `scaled` is false. */
  minTasks: number;
  /** Application Auto Scaling sets the number of tasks after the service is created. */
  scaled: boolean;
  /** At most one task runs: during a deployment, the old task stops before the new one starts. */
  singleton: boolean;
  /** Capacity provider of the GPU instances. Default: the tasks run on Fargate. */
  gpuCapacityProvider?: pulumi.Input<string>;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Target group of the load balancer. Default: the load balancer does not forward requests to the service. */
  targetGroupArn?: pulumi.Input<string>;
  /** Names of the alarms that end a deployment and roll it back. Default: none. */
  deploymentAlarmNames?: pulumi.Input<string>[];
  /**
   * Resources that must exist before the first task starts, and must be deleted after the last task stops. (`dependsOn` of a component does
   * not apply to its children.)
   */
  dependencies: pulumi.Resource[];
  /** Resolves after the images and the services of earlier steps are verified. The service takes its task definition only then. */
  start: pulumi.Input<unknown>;
}

/** Seconds for which the provider waits for the deletion of a service, in addition to the stop timeout of its tasks. */
const DELETE_TIMEOUT_S = 1200;

/**
 * ECS gives up on a deployment after 3 tasks that never get healthy (half the desired count, but at least 3). With the health check in
 * `images/Dockerfile`, a task is unhealthy after its start period of 120 s and 3 checks, each of which takes 10 s and at most 15 s more: after
 * 150 to 195 s. So ECS gives up 8 to 10 minutes after the first task started, plus the time in which it starts the tasks. With the default of
 * `aws.minHealthyTime`, 30 s, the application has 120 s to start.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
 */
const CIRCUIT_BREAKER = { enable: true, rollback: true };

/** A role of the application as an ECS service. */
export class Service extends pulumi.ComponentResource {
  readonly service: aws.ecs.Service;
  readonly taskDefinition: aws.ecs.TaskDefinition;
  /** Minimum number of tasks. */
  readonly minTasks: number;
  /** Seconds between SIGTERM and SIGKILL of a task. */
  readonly stopTimeout: number;
  /** Resources that must exist before a task starts, in addition to the dependencies in the arguments. */
  readonly dependencies: pulumi.Resource[];

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Service", name, {}, opts);
    const child = { parent: this };
    this.minTasks = args.minTasks;
    this.stopTimeout = args.stopTimeout;
    const task = taskDefinition(
      name,
      {
        ...args,
        containerName: args.name,
        gpu: args.gpuCapacityProvider !== undefined,
        loadBalanced: args.targetGroupArn !== undefined,
      },
      child,
    );
    this.taskDefinition = task.taskDefinition;
    this.dependencies = task.dependencies;
    this.service = new aws.ecs.Service(name, serviceArgs(args, task.taskDefinition), {
      ...child,
      dependsOn: [...args.dependencies, ...task.dependencies],
      customTimeouts: { delete: `${args.stopTimeout + DELETE_TIMEOUT_S}s` },
      ignoreChanges: args.scaled ? ["desiredCount"] : [],
    });
    this.registerOutputs();
  }
}

function serviceArgs(args: ServiceArgs, task: aws.ecs.TaskDefinition): aws.ecs.ServiceArgs {
  const { targetGroupArn, gpuCapacityProvider, deploymentAlarmNames } = args;
  return {
    name: args.name,
    cluster: args.cluster.arn,
    taskDefinition: pulumi.all([task.arn, args.start]).apply(([arn]) => arn),
    desiredCount: args.minTasks,
    capacityProviderStrategies: [{ capacityProvider: gpuCapacityProvider ?? "FARGATE", weight: 1 }],
    // Fargate spreads tasks over the zones itself, and supports no placement strategy.
    orderedPlacementStrategies: gpuCapacityProvider
      ? [
          { type: "spread", field: "attribute:ecs.availability-zone" },
          { type: "binpack", field: "memory" },
        ]
      : undefined,
    networkConfiguration: { subnets: args.subnetIds, securityGroups: [args.securityGroupId], assignPublicIp: false },
    deploymentMinimumHealthyPercent: args.singleton ? 0 : 100,
    deploymentMaximumPercent: maximumPercent(args),
    availabilityZoneRebalancing: args.singleton ? "DISABLED" : "ENABLED",
    deploymentCircuitBreaker: CIRCUIT_BREAKER,
    alarms: deploymentAlarmNames && { alarmNames: deploymentAlarmNames, enable: true, rollback: true },
    loadBalancers: targetGroupArn
      ? [{ targetGroupArn, containerName: args.name, containerPort: APPLICATION.port }]
      : undefined,
    healthCheckGracePeriodSeconds: targetGroupArn ? secondsUntilUnhealthy(imageHealthCheck()) : undefined,
    enableExecuteCommand: args.execLogGroupArn !== undefined,
    propagateTags: "SERVICE",
    enableEcsManagedTags: true,
  };
}
