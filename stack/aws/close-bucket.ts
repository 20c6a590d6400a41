import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * Closes a bucket to the public, and to whoever comes without TLS.
 * @param name - of the resources
 * @param allowed - statements that the bucket's policy has besides
 * @returns the policy; it comes last
 */
export function closeBucket(
  name: string,
  bucket: aws.s3.Bucket,
  allowed: readonly object[],
  child: pulumi.CustomResourceOptions,
): aws.s3.BucketPolicy {
  const of = { bucket: bucket.id };
  const access = new aws.s3.BucketPublicAccessBlock(
    name,
    { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    child,
  );
  const tlsOnly = {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const policy = pulumi.jsonStringify({ Version: "2012-10-17", Statement: [...allowed, tlsOnly] });
  return new aws.s3.BucketPolicy(name, { ...of, policy }, { ...child, dependsOn: [access] });
}
