import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { serviceHost, type AwsContext } from "../context";
import { allowPolicy, type Statement } from "../iam";

export interface AccessKeysArgs extends AwsContext {
  bucketArn: pulumi.Output<string>;
  /** Version of the access key that tasks use, from 1. */
  accessKeyVersion: number;
  /** Access keys up to this version are deleted. 0: none. An IAM user can have at most two keys. */
  deletedAccessKeyVersion: number;
  /** KMS key of the bucket. Default: the bucket has none. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * Creates an IAM user that can use a bucket and nothing else, with an access key for each version that is not deleted.
 * @returns the newest access key
 * @throws RangeError if the version is invalid, or if no access key would remain.
 */
export function accessKeys(
  prefix: string,
  args: AccessKeysArgs,
  opts: pulumi.CustomResourceOptions,
): aws.iam.AccessKey {
  const { accessKeyVersion: newest, deletedAccessKeyVersion: deleted, kmsKeyArn } = args;
  if (!Number.isInteger(newest) || newest < 1) throw new RangeError(`invalid access key version: ${newest}`);
  if (!(deleted < newest)) throw new RangeError(`no access key is left: version ${newest} is deleted too`);
  const user = new aws.iam.User(`${prefix}-user`, { path: "/spatialforge/" }, opts);
  const policy = allowPolicy([
    { Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: args.bucketArn },
    {
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      Resource: pulumi.interpolate`${args.bucketArn}/*`,
    },
    ...(kmsKeyArn ? [useKeyThroughS3(kmsKeyArn, args)] : []),
  ]);
  new aws.iam.UserPolicy(`${prefix}-user`, { user: user.name, policy }, opts);
  const create = (version: number) =>
    new aws.iam.AccessKey(`${prefix}-access-key-${version}`, { user: user.name }, opts);
  for (let version = deleted + 1; version < newest; version++) create(version);
  return create(newest);
}

const useKeyThroughS3 = (kmsKeyArn: pulumi.Input<string>, context: AwsContext): Statement => ({
  Action: ["kms:Decrypt", "kms:GenerateDataKey"],
  Resource: kmsKeyArn,
  Condition: { StringEquals: { "kms:ViaService": serviceHost(context, "s3") } },
});
