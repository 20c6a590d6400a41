import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, defaultTags, type AwsContext } from "../context";
import { allowPolicy, type Statement } from "../iam";
import { amiParameterName, parseAmi } from "./ami";

export interface LaunchTemplateArgs extends AwsContext {
  /** Name of the instances in AWS. */
  name: string;
  cluster: aws.ecs.Cluster;
  securityGroupId: pulumi.Input<string>;
  /** Size of the root volume in GiB. It must have room for the images of a few releases, of several GB each. */
  volumeSize: number;
  /** Name of the AMI. Empty: the latest AMI. Each new AMI then changes the launch template. */
  amiName: string;
}

/** Throughput of the gp3 volume in MiB/s. It limits how fast an image of several GB is pulled. */
const VOLUME_THROUGHPUT = 500;

/**
 * Creates the launch template of the GPU instances, with the role of the ECS agent.
 * @returns the template, the ID of its AMI, and the resources that must exist before an instance starts
 */
export function launchTemplate(
  name: string,
  args: LaunchTemplateArgs,
  opts: pulumi.CustomResourceOptions,
): { template: aws.ec2.LaunchTemplate; imageId: pulumi.Output<string>; dependencies: pulumi.Resource[] } {
  const trust = aws.iam.assumeRolePolicyForPrincipal({ Service: pulumi.interpolate`ec2.${args.dnsSuffix}` });
  const role = new aws.iam.Role(name, { assumeRolePolicy: trust }, opts);
  const policy = new aws.iam.RolePolicy(
    name,
    { role: role.id, policy: allowPolicy(agentStatements(args.cluster, args)) },
    opts,
  );
  const profile = new aws.iam.InstanceProfile(name, { role: role.name }, opts);
  const imageId = aws.ssm
    .getParameterOutput({ name: amiParameterName(args.amiName) }, opts)
    .insecureValue.apply((value) => parseAmi(value).image_id);
  const template = new aws.ec2.LaunchTemplate(
    name,
    {
      imageId,
      ebsOptimized: "true",
      monitoring: { enabled: true },
      iamInstanceProfile: { arn: profile.arn },
      vpcSecurityGroupIds: [args.securityGroupId],
      userData: args.cluster.name.apply((cluster) => Buffer.from(userData(cluster)).toString("base64")),
      updateDefaultVersion: true,
      // One hop: a container that requests the credentials of the instance gets no response.
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: {
            volumeType: "gp3",
            volumeSize: args.volumeSize,
            throughput: VOLUME_THROUGHPUT,
            encrypted: "true",
            deleteOnTermination: "true",
          },
        },
      ],
      tagSpecifications: ["instance", "volume"].map((resourceType) => ({
        resourceType,
        tags: { ...defaultTags(), Name: args.name },
      })),
    },
    opts,
  );
  return { template, imageId, dependencies: [policy] };
}

/** Configuration that the ECS agent of an instance reads when it starts. */
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

/** Permissions of the ECS agent to join the cluster. To pull images and write logs, tasks use their execution role. */
function agentStatements(cluster: aws.ecs.Cluster, context: AwsContext): Statement[] {
  return [
    { Action: ["ecs:DiscoverPollEndpoint"], Resource: "*" }, // the action supports no resource
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
      // The last action lets the agent drain its instance when AWS reclaims spot capacity.
      Action: ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
      Resource: arn(context, "ecs", pulumi.interpolate`container-instance/${cluster.name}/*`),
      Condition: { ArnEquals: { "ecs:cluster": cluster.arn } },
    },
  ];
}
