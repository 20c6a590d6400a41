import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * Blocks public access to a bucket, and denies requests without TLS.
 * @param statements - additional statements of the bucket policy
 * @returns the bucket policy, which is the last resource that is created
 */
export function makePrivate(
  name: string,
  bucket: aws.s3.Bucket,
  statements: readonly object[],
  opts: pulumi.CustomResourceOptions,
): aws.s3.BucketPolicy {
  const publicAccessBlock = new aws.s3.BucketPublicAccessBlock(
    name,
    {
      bucket: bucket.id,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    opts,
  );
  const tlsOnly = {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const policy = pulumi.jsonStringify({ Version: "2012-10-17", Statement: [...statements, tlsOnly] });
  return new aws.s3.BucketPolicy(name, { bucket: bucket.id, policy }, { ...opts, dependsOn: [publicAccessBlock] });
}
