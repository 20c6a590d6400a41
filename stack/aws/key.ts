import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Place } from "./roles";

export interface KeyArgs extends Place {
  /** Refuse to delete the key: what it encrypts, snapshots too, would be lost with it. */
  protect: boolean;
}

/** Days in which a deleted key can be had back: the most that KMS allows. */
const DELETION_DAYS = 30;

/**
 * The stack's own key in KMS, for its data, secrets, images and logs. It rotates once a year; what was encrypted before stays readable.
 *
 * Cost: the key by the month, and its calls; S3's bucket key keeps those few.
 */
export class Key extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: KeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Key", name, {}, opts);
    const child = { parent: this };
    const key = new aws.kms.Key(
      "key",
      {
        description: `Data, secrets, images and logs of ${name}`,
        enableKeyRotation: true,
        deletionWindowInDays: DELETION_DAYS,
        policy: pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements(args) }),
      },
      { ...child, protect: args.protect },
    );
    new aws.kms.Alias("key", { name: `alias/${name}`, targetKeyId: key.id }, child);
    this.arn = key.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

/**
 * Who may use the key. Only what comes as a service of AWS stands here. Secrets Manager, S3, ECR, EFS and ElastiCache use it in the name
 * of a caller, whose own policy has to allow it; ECR, EFS and ElastiCache then keep a grant, so that pulls and mounts need nothing more.
 */
const statements = ({ account, region }: Place) => [
  {
    // AWS's default statement: IAM policies of this account count for the key, and its administrators keep it. A key without it can
    // become one that nobody may change or delete. `*` is the key itself: a key's policy has no other resource.
    Sid: "Account",
    Effect: "Allow",
    Principal: { AWS: pulumi.interpolate`arn:aws:iam::${account}:root` },
    Action: "kms:*",
    Resource: "*",
  },
  {
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    Sid: "LogGroupsOfThisAccount",
    Effect: "Allow",
    Principal: { Service: pulumi.interpolate`logs.${region}.amazonaws.com` },
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
    Condition: {
      ArnLike: {
        "kms:EncryptionContext:aws:logs:arn": pulumi.interpolate`arn:aws:logs:${region}:${account}:log-group:*`,
      },
    },
  },
  {
    // Without it an alarm changes its state and tells nobody: its topic is encrypted.
    // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    Sid: "AlarmsOfThisAccount",
    Effect: "Allow",
    Principal: { Service: "cloudwatch.amazonaws.com" },
    Action: ["kms:Decrypt", "kms:GenerateDataKey"],
    Resource: "*",
    Condition: {
      StringEquals: { "aws:SourceAccount": account },
      ArnLike: { "aws:SourceArn": pulumi.interpolate`arn:aws:cloudwatch:${region}:${account}:alarm:*` },
    },
  },
];
