import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, type AwsContext } from "../context";
import { makePrivate } from "../storage/private-bucket";

export interface AccessLogsArgs extends AwsContext {
  /** Retention of the logs in days. */
  retentionDays: number;
  /** Refuses to delete a bucket that contains logs. Otherwise the logs are deleted together with the bucket. */
  deletionProtection: boolean;
}

/** The access logs of the load balancer: a private bucket to which Elastic Load Balancing writes on behalf of this account only. */
export class AccessLogs extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  /** The load balancer must depend on it: it writes to the bucket as soon as it is created. */
  readonly policy: pulumi.Resource;

  constructor(name: string, args: AccessLogsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:AccessLogs", name, {}, opts);
    const child = { parent: this };
    const bucket = new aws.s3.Bucket(name, { forceDestroy: !args.deletionProtection }, child);
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      // Elastic Load Balancing does not support other keys for access logs.
      { bucket: bucket.id, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      child,
    );
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket: bucket.id,
        rules: [{ id: "logs", status: "Enabled", filter: {}, expiration: { days: args.retentionDays } }],
      },
      child,
    );
    this.policy = makePrivate(name, bucket, [logDelivery(bucket.arn, args)], child);
    this.bucketName = bucket.id;
    this.registerOutputs({ bucketName: this.bucketName });
  }
}

/**
 * Allows Elastic Load Balancing to write the logs of load balancers of this account.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
 */
const logDelivery = (bucketArn: pulumi.Output<string>, context: AwsContext) => ({
  Effect: "Allow",
  Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
  Action: "s3:PutObject",
  Resource: pulumi.interpolate`${bucketArn}/AWSLogs/${context.accountId}/*`,
  Condition: {
    StringEquals: { "aws:SourceAccount": context.accountId },
    ArnLike: { "aws:SourceArn": arn(context, "elasticloadbalancing", "loadbalancer/*") },
  },
});
