import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { amiParameter, parseAmi } from "./ami";
import type { GpuTypeName } from "./gpu-types";
import { allowing, type Place, type Statement } from "./roles";

export interface HostsArgs extends Place {
  subnetIds: pulumi.Input<string>[];
  securityGroupId: pulumi.Input<string>;
  /** Instance types that a host may have, the preferred one first. */
  types: readonly GpuTypeName[];
  /** Most hosts at one time. */
  maxHosts: number;
  /** Hosts that are on-demand in any case; beyond them: spot, if `spot`. */
  onDemandBase: number;
  spot: boolean;
  /** GB of each host's disk; it holds a few releases of several GB each. */
  disk: number;
  /** Name of the AMI; empty: the newest, so that each of its releases is a change. */
  ami: string;
  /** What hosts need to speak with ECS: without it the last tasks would never be known to have stopped. */
  after: pulumi.Resource[];
}

/** MB/s of a gp3 disk: a pull of several GB is bound by it. */
const THROUGHPUT = 500;

/** An Auto Scaling group of GPU hosts, whose agents join a cluster. A capacity provider counts them. */
export function hosts(
  name: string,
  cluster: aws.ecs.Cluster,
  args: HostsArgs,
  child: pulumi.CustomResourceOptions,
): aws.autoscaling.Group {
  const { template, ready } = launchTemplate(name, cluster, args, child);
  return new aws.autoscaling.Group(
    "gpu",
    {
      vpcZoneIdentifiers: args.subnetIds,
      minSize: 0,
      maxSize: args.maxHosts,
      // The capacity provider needs it to keep hosts that run tasks. A group with protected hosts is not deleted but by force:
      // without it destroy would wait for hosts that never go.
      protectFromScaleIn: true,
      forceDelete: true,
      mixedInstancesPolicy: {
        launchTemplate: {
          launchTemplateSpecification: { launchTemplateId: template.id, version: template.latestVersion.apply(String) },
          overrides: args.types.map((instanceType) => ({ instanceType })),
        },
        instancesDistribution: {
          onDemandBaseCapacity: args.onDemandBase,
          onDemandPercentageAboveBaseCapacity: args.spot ? 0 : 100,
          spotAllocationStrategy: "price-capacity-optimized",
        },
      },
      instanceRefresh: {
        strategy: "Rolling",
        // Hosts that run tasks are protected, and would be waited for in vain. They are drained before they go.
        preferences: { scaleInProtectedInstances: "Refresh", minHealthyPercentage: 100, maxHealthyPercentage: 200 },
      },
      tags: [{ key: "AmazonECSManaged", value: "true", propagateAtLaunch: true }],
    },
    // Managed scaling owns the count.
    { ...child, dependsOn: [...args.after, ...ready], ignoreChanges: ["desiredCapacity"] },
  );
}

/** What a host's agent reads at start. */
export function userData(cluster: string): string {
  return `#!/bin/sh
cat >>/etc/ecs/ecs.config <<'END'
ECS_CLUSTER=${cluster}
ECS_ENABLE_GPU_SUPPORT=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_IMAGE_PULL_BEHAVIOR=once
ECS_IMAGE_CLEANUP_INTERVAL=30m
ECS_IMAGE_MINIMUM_CLEANUP_AGE=1h
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=30m
ECS_AWSVPC_BLOCK_IMDS=true
END
`;
}

/** What the agent of a host may do: to be one of this cluster's. Images and logs are for the tasks' execution roles. */
function agentStatements({ account, region }: Place, cluster: aws.ecs.Cluster): Statement[] {
  return [
    { Action: ["ecs:DiscoverPollEndpoint"], Resource: "*" }, // AWS allows no name here
    {
      Action: [
        "ecs:RegisterContainerInstance",
        "ecs:DeregisterContainerInstance",
        "ecs:SubmitAttachmentStateChanges",
        "ecs:SubmitContainerStateChange",
        "ecs:SubmitTaskStateChange",
      ],
      Resource: cluster.arn,
    },
    {
      // The last one: to drain itself when its spot capacity is taken back.
      Action: ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
      Resource: pulumi.interpolate`arn:aws:ecs:${region}:${account}:container-instance/${cluster.name}/*`,
      Condition: { ArnEquals: { "ecs:cluster": cluster.arn } },
    },
  ];
}

function launchTemplate(
  name: string,
  cluster: aws.ecs.Cluster,
  args: HostsArgs,
  child: pulumi.CustomResourceOptions,
): { template: aws.ec2.LaunchTemplate; ready: pulumi.Resource[] } {
  const role = new aws.iam.Role(
    "host",
    { assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ec2.amazonaws.com" }) },
    child,
  );
  const policy = new aws.iam.RolePolicy(
    "host",
    { role: role.id, policy: allowing(agentStatements(args, cluster)) },
    child,
  );
  const profile = new aws.iam.InstanceProfile("host", { role: role.name }, child);
  const template = new aws.ec2.LaunchTemplate(
    "host",
    {
      imageId: aws.ssm
        .getParameterOutput({ name: amiParameter(args.ami) }, child)
        .insecureValue.apply((value) => parseAmi(value).image_id),
      ebsOptimized: "true",
      monitoring: { enabled: true },
      iamInstanceProfile: { arn: profile.arn },
      vpcSecurityGroupIds: [args.securityGroupId],
      userData: cluster.name.apply((own) => Buffer.from(userData(own)).toString("base64")),
      updateDefaultVersion: true,
      // One hop: a container that would ask for the host's credentials is not answered.
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: {
            volumeType: "gp3",
            volumeSize: args.disk,
            throughput: THROUGHPUT,
            encrypted: "true",
            deleteOnTermination: "true",
          },
        },
      ],
      tagSpecifications: ["instance", "volume"].map((resourceType) => ({
        resourceType,
        tags: { Name: `${name}-gpu` },
      })),
    },
    child,
  );
  return { template, ready: [policy] };
}
