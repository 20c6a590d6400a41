import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { gpuInstances, type GpuInstancesArgs } from "./gpu-instances";

export interface ClusterArgs extends Omit<GpuInstancesArgs, "name"> {
  /** Name in AWS. */
  name: string;
  /** Enables ECS Exec, with a log of each session. */
  ecsExec: boolean;
  /** Retention of the log of ECS Exec in days. */
  logRetentionDays: number;
  /** Encrypts ECS Exec sessions and their log. Default: a key that AWS owns. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * An ECS cluster with a capacity provider for GPU instances.
 *
 * Cost: the GPU instances by the hour. The capacity provider runs as many instances as the tasks need.
 */
export class Cluster extends pulumi.ComponentResource {
  readonly cluster: aws.ecs.Cluster;
  /** Name of the capacity provider for GPU instances. */
  readonly gpuCapacityProvider: pulumi.Output<string>;
  /** ID of the AMI of the GPU instances. */
  readonly amiId: pulumi.Output<string>;
  /** Log group of ECS Exec, if it is enabled. */
  readonly execLogGroupArn?: pulumi.Output<string>;
  /** Services must depend on it, so that they are deleted before the capacity providers. */
  readonly capacityProviders: pulumi.Resource;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Cluster", name, {}, opts);
    const child = { parent: this };
    const execLogGroup = args.ecsExec
      ? new aws.cloudwatch.LogGroup(
          `${name}-exec`,
          { retentionInDays: args.logRetentionDays, kmsKeyId: args.kmsKeyArn },
          child,
        )
      : undefined;
    this.execLogGroupArn = execLogGroup?.arn;
    this.cluster = new aws.ecs.Cluster(
      name,
      {
        name: args.name,
        settings: [{ name: "containerInsights", value: "enabled" }],
        configuration: execLogGroup && {
          executeCommandConfiguration: {
            logging: "OVERRIDE",
            kmsKeyId: args.kmsKeyArn,
            logConfiguration: {
              cloudWatchLogGroupName: execLogGroup.name,
              cloudWatchEncryptionEnabled: args.kmsKeyArn !== undefined,
            },
          },
        },
      },
      child,
    );
    const { group, amiId } = gpuInstances(`${name}-gpu`, this.cluster, { ...args, name: `${args.name}-gpu` }, child);
    this.amiId = amiId;
    const capacityProvider = new aws.ecs.CapacityProvider(
      `${name}-gpu`,
      {
        autoScalingGroupProvider: {
          autoScalingGroupArn: group.arn,
          managedScaling: { status: "ENABLED", targetCapacity: 100 },
          managedDraining: "ENABLED",
          managedTerminationProtection: "ENABLED",
        },
      },
      child,
    );
    this.gpuCapacityProvider = capacityProvider.name;
    this.capacityProviders = new aws.ecs.ClusterCapacityProviders(
      name,
      { clusterName: this.cluster.name, capacityProviders: ["FARGATE", capacityProvider.name] },
      child,
    );
    this.registerOutputs({ gpuCapacityProvider: this.gpuCapacityProvider });
  }
}
