/** Of the ECS GPU-optimised Amazon Linux 2023 AMIs for x86_64: driver, NVIDIA runtime and agent. */
const PREFIX = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu";

/** The SSM parameter of an AMI: JSON with `image_id` and `image_name`. @param name - of the AMI; default: the newest */
export const amiParameter = (name?: string): string => `${PREFIX}/${name || "recommended"}`;

export interface Ami {
  image_id: string;
  image_name: string;
}

export const parseAmi = (value: string): Ami => JSON.parse(value) as Ami;

/** Form of an AMI's name. */
export const AMI_NAME = /^al2023-ami-ecs-gpu-hvm-[\w.-]+-x86_64-ebs$/;
