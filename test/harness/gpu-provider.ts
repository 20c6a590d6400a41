import {
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
} from "@aws-sdk/client-auto-scaling";
import { CreateLaunchTemplateCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateCapacityProviderCommand, ECSClient, PutClusterCapacityProvidersCommand } from "@aws-sdk/client-ecs";
import type { Emulator } from "./emulator";

/** ID of the AMI of the GPU instances. */
export const GPU_AMI = "ami-12c6146b";

/** Creates the capacity provider `gpu` of a cluster, whose Auto Scaling group has instances with one GPU. */
export async function createGpuProvider({ clientConfig }: Emulator, MaxSize = 2, cluster = "default"): Promise<void> {
  const autoScaling = new AutoScalingClient(clientConfig);
  const ecs = new ECSClient(clientConfig);
  const LaunchTemplateData = { InstanceType: "g5.xlarge", ImageId: GPU_AMI } as const;
  await new EC2Client(clientConfig).send(
    new CreateLaunchTemplateCommand({ LaunchTemplateName: "gpu", LaunchTemplateData }),
  );
  const group = { AutoScalingGroupName: "gpu", MinSize: 0, MaxSize, AvailabilityZones: ["us-east-1a"] };
  const LaunchTemplate = { LaunchTemplateName: "gpu", Version: "$Latest" };
  await autoScaling.send(new CreateAutoScalingGroupCommand({ ...group, LaunchTemplate }));
  const { AutoScalingGroups } = await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
  const autoScalingGroupArn = AutoScalingGroups![0].AutoScalingGroupARN;
  await ecs.send(new CreateCapacityProviderCommand({ name: "gpu", autoScalingGroupProvider: { autoScalingGroupArn } }));
  await ecs.send(
    new PutClusterCapacityProvidersCommand({
      cluster,
      capacityProviders: ["FARGATE", "gpu"],
      defaultCapacityProviderStrategy: [],
    }),
  );
}
