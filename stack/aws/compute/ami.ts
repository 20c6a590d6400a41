/**
 * SSM path of the ECS GPU-optimized Amazon Linux 2023 AMIs for x86_64. They include the NVIDIA driver, the NVIDIA runtime, and the ECS
 * agent.
 */
const SSM_PATH = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu";

/** Pattern of the AMI names. */
export const AMI_NAME = /^al2023-ami-ecs-gpu-hvm-[\w.-]+-x86_64-ebs$/;

/** Value of the SSM parameter of an AMI. */
export interface Ami {
  image_id: string;
  image_name: string;
}

/** Name of the SSM parameter of an AMI. @param amiName - default: the latest AMI */
export const amiParameterName = (amiName?: string): string => `${SSM_PATH}/${amiName || "recommended"}`;

/** Parses the value of the SSM parameter of an AMI. */
export const parseAmi = (value: string): Ami => JSON.parse(value) as Ami;
