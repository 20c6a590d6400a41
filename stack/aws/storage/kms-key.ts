import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, serviceHost, type AwsContext } from "../context";

export interface KmsKeyArgs extends AwsContext {
  /** Name of the alias in AWS. */
  name: string;
  /** Refuses to delete the key. With the key, everything that it encrypts is lost, including snapshots. */
  deletionProtection: boolean;
}

/** Days within which a deleted key can be restored: the maximum of KMS. */
const DELETION_WINDOW_DAYS = 30;

/**
 * A customer managed KMS key for the data, secrets, images, and logs of the stack. It rotates once a year. Data that was encrypted before a
 * rotation remains readable.
 *
 * Cost: the key by the month, and each request. The S3 bucket key keeps the number of requests low.
 */
export class KmsKey extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: KmsKeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:KmsKey", name, {}, opts);
    const child = { parent: this };
    const key = new aws.kms.Key(
      name,
      {
        description: `Data, secrets, images and logs of ${args.name}`,
        enableKeyRotation: true,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements(args) }),
      },
      { ...child, protect: args.deletionProtection },
    );
    new aws.kms.Alias(name, { name: `alias/${args.name}`, targetKeyId: key.id }, child);
    this.arn = key.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

/**
 * Statements of the key policy: the account, and the AWS services that use the key on their own behalf. Secrets Manager, S3, ECR, EFS, and
 * ElastiCache use it on behalf of a caller, whose own policy must allow it. ECR, EFS, and ElastiCache then keep a grant, so pulls and
 * mounts require no further permission.
 */
const statements = (context: AwsContext) => [
  {
    // The default statement of AWS: IAM policies of the account apply to the key, and administrators keep access. Without it, the key could
    // become unmanageable. In a key policy, `*` is the key itself.
    Sid: "Account",
    Effect: "Allow",
    Principal: { AWS: pulumi.interpolate`arn:${context.partition}:iam::${context.accountId}:root` },
    Action: "kms:*",
    Resource: "*",
  },
  {
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    Sid: "LogGroupsOfThisAccount",
    Effect: "Allow",
    Principal: { Service: serviceHost(context, "logs") },
    Action: [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:DescribeKey",
    ],
    Resource: "*",
    Condition: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": arn(context, "logs", "log-group:*") } },
  },
  {
    // The key encrypts the topic of the alarms. Without this statement, alarms are not delivered.
    // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    Sid: "AlarmsOfThisAccount",
    Effect: "Allow",
    Principal: { Service: "cloudwatch.amazonaws.com" },
    Action: ["kms:Decrypt", "kms:GenerateDataKey"],
    Resource: "*",
    Condition: {
      StringEquals: { "aws:SourceAccount": context.accountId },
      ArnLike: { "aws:SourceArn": arn(context, "cloudwatch", "alarm:*") },
    },
  },
];
