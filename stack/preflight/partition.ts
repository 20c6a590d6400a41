import type { Problem } from "../config/problem";

/** The only partition in which the stack was tested. */
const SUPPORTED = "aws";

/**
 * The problem of credentials for another partition, such as `aws-cn` or `aws-us-gov`. The names of VPC endpoints, the instance types, the GPU
 * AMI, and the services differ there.
 * @param callerArn - ARN of the caller: `arn:PARTITION:...`
 */
export function partitionProblems(callerArn: string): Problem[] {
  const partition = callerArn.split(":")[1];
  if (partition === SUPPORTED) return [];
  const remedy = `the partition ${partition} is not supported: use credentials and a region of the partition ${SUPPORTED}, for example \`pulumi config set aws:region us-east-1\``;
  return [{ key: "platform", value: "aws", remedy }];
}
