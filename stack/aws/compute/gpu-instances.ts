import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { defaultTags } from "../context";
import type { InstanceTypeName } from "./instance-types";
import { launchTemplate, type LaunchTemplateArgs } from "./launch-template";

export interface GpuInstancesArgs extends Omit<LaunchTemplateArgs, "cluster"> {
  subnetIds: pulumi.Input<string>[];
  /** EC2 instance types, the preferred one first. */
  instanceTypes: readonly InstanceTypeName[];
  maxInstances: number;
  /** Number of instances that are always on-demand. */
  onDemandBaseCapacity: number;
  /** Whether instances above the on-demand base capacity are spot instances. Otherwise all instances are on-demand. */
  spot: boolean;
  /** Resources that instances need to reach ECS. They must be deleted after the instances: otherwise ECS never sees the last tasks stop. */
  dependencies: pulumi.Resource[];
}

/** Creates the Auto Scaling group of the GPU instances. A capacity provider sets its size. Returns it with the ID of its AMI. */
export function gpuInstances(
  name: string,
  cluster: aws.ecs.Cluster,
  args: GpuInstancesArgs,
  opts: pulumi.CustomResourceOptions,
): { group: aws.autoscaling.Group; amiId: pulumi.Output<string> } {
  const { template, imageId, dependencies } = launchTemplate(name, { ...args, cluster }, opts);
  const group = new aws.autoscaling.Group(
    name,
    {
      vpcZoneIdentifiers: args.subnetIds,
      minSize: 0,
      maxSize: args.maxInstances,
      // The capacity provider requires this protection. It keeps instances that run tasks. A group with protected instances can be deleted
      // only with `forceDelete`. Without it, `pulumi destroy` would never end.
      protectFromScaleIn: true,
      forceDelete: true,
      mixedInstancesPolicy: {
        launchTemplate: {
          launchTemplateSpecification: { launchTemplateId: template.id, version: template.latestVersion.apply(String) },
          overrides: args.instanceTypes.map((instanceType) => ({ instanceType })),
        },
        instancesDistribution: {
          onDemandBaseCapacity: args.onDemandBaseCapacity,
          onDemandPercentageAboveBaseCapacity: args.spot ? 0 : 100,
          spotAllocationStrategy: "price-capacity-optimized",
        },
      },
      instanceRefresh: {
        strategy: "Rolling",
        // Instances that run tasks are protected from scale-in, and by default a refresh does not replace them. ECS drains an instance
        // before it is replaced.
        preferences: { scaleInProtectedInstances: "Refresh", minHealthyPercentage: 100, maxHealthyPercentage: 200 },
      },
      tags: Object.entries({ ...defaultTags(), AmazonECSManaged: "true" }).map(([key, value]) => ({
        key,
        value,
        propagateAtLaunch: true,
      })),
    },
    // The capacity provider sets the desired capacity.
    { ...opts, dependsOn: [...args.dependencies, ...dependencies], ignoreChanges: ["desiredCapacity"] },
  );
  return { group, amiId: pulumi.all([imageId, group.id]).apply(([ami]) => ami) };
}
