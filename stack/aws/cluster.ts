import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { hosts, type HostsArgs } from "./hosts";

export interface ClusterArgs extends HostsArgs {
  /** Whether ECS Exec is on; its sessions are logged. */
  exec: boolean;
  logDays: number;
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * An ECS cluster with a capacity provider of GPU hosts.
 *
 * Cost: the hosts by the hour, each as long as a task needs it; at rest none beyond what the services' least counts ask for.
 */
export class Cluster extends pulumi.ComponentResource {
  readonly cluster: aws.ecs.Cluster;
  /** Name of the capacity provider of GPU hosts. */
  readonly gpu: pulumi.Output<string>;
  /** Log group of ECS Exec, where it is on. */
  readonly exec?: { logGroupArn: pulumi.Output<string> };
  /** What services must depend on, so that they go before their capacity does. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Cluster", name, {}, opts);
    const child = { parent: this };
    const sessions = args.exec
      ? new aws.cloudwatch.LogGroup("exec", { retentionInDays: args.logDays, kmsKeyId: args.kmsKeyArn }, child)
      : undefined;
    this.exec = sessions && { logGroupArn: sessions.arn };
    this.cluster = new aws.ecs.Cluster(
      "cluster",
      {
        name,
        settings: [{ name: "containerInsights", value: "enabled" }],
        configuration: sessions && {
          executeCommandConfiguration: {
            logging: "OVERRIDE",
            kmsKeyId: args.kmsKeyArn,
            logConfiguration: {
              cloudWatchLogGroupName: sessions.name,
              cloudWatchEncryptionEnabled: args.kmsKeyArn !== undefined,
            },
          },
        },
      },
      child,
    );
    const group = hosts(name, this.cluster, args, child);
    const provider = new aws.ecs.CapacityProvider(
      "gpu",
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
    this.ready = new aws.ecs.ClusterCapacityProviders(
      "cluster",
      { clusterName: this.cluster.name, capacityProviders: ["FARGATE", provider.name] },
      child,
    );
    this.gpu = provider.name;
    this.registerOutputs({ gpu: this.gpu });
  }
}
