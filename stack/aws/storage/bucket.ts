import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "../context";
import { accessKeys } from "./access-keys";
import { makePrivate } from "./private-bucket";
import { secret, type Secret, type SecretOptions } from "./secret";

export interface BucketArgs extends AwsContext, SecretOptions {
  /** Days after which results are deleted. */
  expirationDays: number;
  /** Refuses to delete the bucket. Otherwise the objects are deleted together with the bucket. */
  deletionProtection: boolean;
  /** Version of the access key that tasks use, from 1. A new version creates a new key and starts a deployment. */
  accessKeyVersion: number;
  /**
   * Access keys up to this version are deleted, and URLs that they signed become invalid. 0: none. An IAM user can have at most two keys.
   */
  deletedAccessKeyVersion: number;
  /** Origins of web pages that can read results through signed URLs. Empty: none. */
  corsOrigins: string[];
}

/** Seconds for which a browser can cache the response to a CORS preflight request. */
const CORS_MAX_AGE_S = 3600;

/** The object store: a private, versioned, encrypted bucket, and an IAM user that can use it and nothing else. */
export class Bucket extends pulumi.ComponentResource {
  /** Name of the bucket in AWS. */
  readonly bucketName: pulumi.Output<string>;
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;

  constructor(name: string, args: BucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Bucket", name, {}, opts);
    const child = { parent: this };
    const bucket = new aws.s3.Bucket(
      name,
      { forceDestroy: !args.deletionProtection },
      // The whole component is not protected, because earlier access keys must be deletable.
      { ...child, protect: args.deletionProtection },
    );
    configure(name, bucket, args, child);
    const key = accessKeys(name, { ...args, bucketArn: bucket.arn }, child);
    const { recoveryWindowDays, kmsKeyArn } = args;
    const store = (secretName: string, value: pulumi.Output<string>) => {
      const description = "Access to the object store";
      return secret(
        `${name}-${secretName}`,
        { name: secretName, value, description, recoveryWindowDays, kmsKeyArn },
        child,
      );
    };
    this.bucketName = bucket.id;
    this.accessKeyId = store("objects-access-key", key.id);
    this.secretAccessKey = store("objects-secret-key", key.secret);
    this.registerOutputs({ bucketName: this.bucketName });
  }
}

function configure(name: string, bucket: aws.s3.Bucket, args: BucketArgs, opts: pulumi.CustomResourceOptions): void {
  const target = { bucket: bucket.id };
  makePrivate(name, bucket, [], opts);
  new aws.s3.BucketVersioning(name, { ...target, versioningConfiguration: { status: "Enabled" } }, opts);
  new aws.s3.BucketServerSideEncryptionConfiguration(name, { ...target, rules: [encryption(args)] }, opts);
  new aws.s3.BucketLifecycleConfiguration(
    name,
    {
      ...target,
      rules: [
        {
          id: "results",
          status: "Enabled",
          filter: {},
          expiration: { days: args.expirationDays },
          noncurrentVersionExpiration: { noncurrentDays: args.expirationDays },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
      ],
    },
    opts,
  );
  if (args.corsOrigins.length) {
    const rule = { allowedMethods: ["GET", "HEAD"], allowedOrigins: args.corsOrigins, maxAgeSeconds: CORS_MAX_AGE_S };
    new aws.s3.BucketCorsConfiguration(name, { ...target, corsRules: [rule] }, opts);
  }
}

/** Encryption of the bucket. With a bucket key, S3 sends one request to KMS for many objects. */
const encryption = ({ kmsKeyArn }: BucketArgs) =>
  kmsKeyArn
    ? {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn },
        bucketKeyEnabled: true,
      }
    : { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };
