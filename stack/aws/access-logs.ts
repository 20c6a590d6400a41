import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { closeBucket } from "./close-bucket";
import type { Place } from "./roles";

export interface AccessLogsArgs extends Place {
  /** Days that logs are kept. */
  days: number;
  /** Keep the bucket and what is in it when the stack is destroyed. */
  protect: boolean;
}

/** The load balancer's access logs: a private bucket that Elastic Load Balancing may write to, for this account only. */
export class AccessLogs extends pulumi.ComponentResource {
  readonly bucket: pulumi.Output<string>;
  /** What the load balancer must depend on: it tries to write as soon as it has the bucket. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: AccessLogsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:AccessLogs", name, {}, opts);
    const child = { parent: this };
    const bucket = new aws.s3.Bucket("access-logs", { forceDestroy: !args.protect }, child);
    const of = { bucket: bucket.id };
    new aws.s3.BucketServerSideEncryptionConfiguration(
      "access-logs",
      // Elastic Load Balancing writes to buckets with S3's own key only.
      { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      child,
    );
    new aws.s3.BucketLifecycleConfiguration(
      "access-logs",
      { ...of, rules: [{ id: "logs", status: "Enabled", filter: {}, expiration: { days: args.days } }] },
      child,
    );
    this.ready = closeBucket("access-logs", bucket, [mayWrite(bucket.arn, args)], child);
    this.bucket = bucket.id;
    this.registerOutputs({ bucket: this.bucket });
  }
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html */
const mayWrite = (arn: pulumi.Output<string>, { account, region }: Place) => ({
  Effect: "Allow",
  Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
  Action: "s3:PutObject",
  Resource: pulumi.interpolate`${arn}/AWSLogs/${account}/*`,
  Condition: {
    StringEquals: { "aws:SourceAccount": account },
    ArnLike: {
      "aws:SourceArn": pulumi.interpolate`arn:aws:elasticloadbalancing:${region}:${account}:loadbalancer/*`,
    },
  },
});
