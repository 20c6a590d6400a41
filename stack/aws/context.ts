import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { callerIdentity } from "../clients/aws-identity";

/** Account, region, and partition of the stack, for ARNs and the names of AWS services. */
export interface AwsContext {
  accountId: pulumi.Input<string>;
  region: pulumi.Input<string>;
  /** Such as `aws`, `aws-cn`, or `aws-us-gov`. */
  partition: pulumi.Input<string>;
  /** Such as `amazonaws.com` or `amazonaws.com.cn`. */
  dnsSuffix: pulumi.Input<string>;
}

/**
 * The account, region, and partition that the AWS provider uses.
 * @throws Error if no region is configured. The preflight checks report this first.
 */
export function awsContext(opts: pulumi.InvokeOptions): AwsContext {
  const { region } = aws.config;
  if (!region) throw new Error("no AWS region is set");
  const { partition, dnsSuffix } = aws.getPartitionOutput({}, opts);
  return { accountId: pulumi.output(callerIdentity()).accountId, region, partition, dnsSuffix };
}

/** ARN of a resource in the account and region. @param resource - such as `cluster/NAME`, or a pattern with `*` */
export const arn = (
  { partition, region, accountId }: AwsContext,
  service: string,
  resource: pulumi.Input<string>,
): pulumi.Output<string> => pulumi.interpolate`arn:${partition}:${service}:${region}:${accountId}:${resource}`;

/** DNS name of an AWS service in the region, which is also its name in the condition `kms:ViaService`. */
export const serviceHost = ({ region, dnsSuffix }: AwsContext, service: string): pulumi.Output<string> =>
  pulumi.interpolate`${service}.${region}.${dnsSuffix}`;

/**
 * The tags of `aws:defaultTags`, for instances and volumes. The provider does not tag them, because Auto Scaling creates them. AWS does not
 * copy the tags of an Auto Scaling group or a launch template to them by default.
 */
export const defaultTags = (): Record<string, string> => aws.config.defaultTags?.tags ?? {};
