import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { START_S } from "./container";
import { maximumPercent } from "./role-table";
import { taskDefinition, type TaskArgs } from "./task";

export interface ServiceArgs extends TaskArgs {
  /** Tasks at the start, and at all times where nothing scales them. */
  tasks: number;
  /** Whether something else changes the count of tasks. */
  scaled: boolean;
  /** Whether the old task must end before the new one starts. */
  single?: boolean;
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Target group of the load balancer, and the container's port that it sends to. */
  balanced?: { targetGroupArn: pulumi.Input<string>; port: number };
  /** What must be there before its first task, and go after its last one: a component's `dependsOn` does not reach what is in it. */
  after: pulumi.Resource[];
}

/** Seconds from the last task's end to that of its service: the provider's own limit, which knows nothing of jobs. */
const STOPPED_S = 1200;

/** A role of the application as an ECS service. */
export class Service extends pulumi.ComponentResource {
  readonly service: aws.ecs.Service;
  readonly taskDefinition: aws.ecs.TaskDefinition;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Service", name, {}, opts);
    const child = { parent: this };
    const task = taskDefinition(name, args, child);
    this.taskDefinition = task.definition;
    this.service = new aws.ecs.Service(name, serviceArgs(name, args, task.definition), {
      ...child,
      dependsOn: [...args.after, ...task.ready],
      // Its tasks may take all of their time to stop, and then some to be gone.
      customTimeouts: { delete: `${args.stopTimeout + STOPPED_S}s` },
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
