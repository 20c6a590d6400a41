import type { MixedInstancesPolicy } from "@aws-sdk/client-auto-scaling";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { defaultTags } from "../context";
import { refreshInstances } from "./instance-refresh";
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
  /** Seconds within which a new instance must start and the tasks on an old instance must end, when instances are replaced. */
  replacementTimeout: number;
  /** Resources that instances need to reach ECS. They must be deleted after the instances: otherwise ECS never sees the last tasks stop. */
  dependencies: pulumi.Resource[];
}

/**
 * Creates the Auto Scaling group of the GPU instances. A capacity provider sets its size.
 *
 * If the launch template or the instance types change, the running instances are replaced before the group is updated. The update fails if
 * that fails. Resources that depend on the group are updated after it.
 */
export function gpuInstances(
  name: string,
  cluster: aws.ecs.Cluster,
  args: GpuInstancesArgs,
  opts: pulumi.CustomResourceOptions,
): { group: aws.autoscaling.Group; amiId: pulumi.Output<string> } {
  const { template, imageId, dependencies: policies } = launchTemplate(name, { ...args, cluster }, opts);
  const dependencies = [...args.dependencies, ...policies];
  const version = replacedInstances(args, template, dependencies);
  const group = new aws.autoscaling.Group(
    name,
    {
      name: args.name,
      vpcZoneIdentifiers: args.subnetIds,
      minSize: 0,
      maxSize: args.maxInstances,
      // The capacity provider requires this protection. It keeps instances that run tasks. A group with protected instances can be deleted
      // only with `forceDelete`. Without it, `pulumi destroy` would never end.
      protectFromScaleIn: true,
      forceDelete: true,
      mixedInstancesPolicy: mixedInstancesPolicy(args, template.id, version),
      tags: Object.entries({ ...defaultTags(), AmazonECSManaged: "true" }).map(([key, value]) => ({
        key,
        value,
        propagateAtLaunch: true,
      })),
    },
    // The capacity provider sets the desired capacity.
    { ...opts, dependsOn: dependencies, ignoreChanges: ["desiredCapacity"] },
  );
  return { group, amiId: pulumi.all([imageId, group.id]).apply(([ami]) => ami) };
}

const mixedInstancesPolicy = <Text>(
  { instanceTypes, onDemandBaseCapacity, spot }: GpuInstancesArgs,
  launchTemplateId: Text,
  version: Text,
) => ({
  launchTemplate: {
    launchTemplateSpecification: { launchTemplateId, version },
    overrides: instanceTypes.map((instanceType) => ({ instanceType })),
  },
  instancesDistribution: {
    onDemandBaseCapacity,
    onDemandPercentageAboveBaseCapacity: spot ? 0 : 100,
    spotAllocationStrategy: "price-capacity-optimized",
  },
});

/** The version of the launch template, after the running instances that do not match it are replaced. A preview replaces nothing. */
function replacedInstances(
  args: GpuInstancesArgs,
  template: aws.ec2.LaunchTemplate,
  dependencies: pulumi.Resource[],
): pulumi.Output<string> {
  // The URN of a resource is known after the resource is updated.
  const updated = pulumi.all(dependencies.map(({ urn }) => urn));
  return pulumi.all([template.id, template.latestVersion, updated]).apply(async ([id, latest]) => {
    const version = String(latest);
    if (pulumi.runtime.isDryRun()) return version;
    await refreshInstances({
      group: args.name,
      policy: capitalizeKeys(mixedInstancesPolicy(args, id, version)) as MixedInstancesPolicy,
      timeout: args.replacementTimeout,
      log: (line) => void pulumi.log.info(line, template, undefined, true),
    });
    return version;
  });
}

/** Pulumi and the AWS SDK have the same names for the properties, except the case of the first letter. */
function capitalizeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capitalizeKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key[0].toUpperCase() + key.slice(1), capitalizeKeys(inner)]),
  );
}
