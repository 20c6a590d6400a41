import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { secret, type Secret } from "./secret";

export interface BucketArgs {
  /** Days after which a result is removed. */
  days: number;
  /** Remove what is in it together with the bucket. */
  forceDestroy: boolean;
  /** Serial of the access key: a new one makes a new key. */
  keySerial: number;
  recoveryDays: number;
}

/** The object store: a private, versioned, encrypted bucket, and a user who may use it and nothing else. */
export class Bucket extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;
  readonly accessKey: Secret;
  readonly secretKey: Secret;

  constructor(name: string, args: BucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Bucket", name, {}, opts);
    const child = { parent: this };
    const bucket = new aws.s3.Bucket("objects", { forceDestroy: args.forceDestroy }, child);
    const of = { bucket: bucket.id };
    const access = new aws.s3.BucketPublicAccessBlock(
      "objects",
      { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      child,
    );
    new aws.s3.BucketVersioning("objects", { ...of, versioningConfiguration: { status: "Enabled" } }, child);
    new aws.s3.BucketServerSideEncryptionConfiguration(
      "objects",
      { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      child,
    );
    new aws.s3.BucketLifecycleConfiguration(
      "objects",
      {
        ...of,
        rules: [
          {
            id: "results",
            status: "Enabled",
            filter: {},
            expiration: { days: args.days },
            noncurrentVersionExpiration: { noncurrentDays: args.days },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      child,
    );
    new aws.s3.BucketPolicy(
      "objects",
      { ...of, policy: bucket.arn.apply((arn) => JSON.stringify(tlsOnly(arn))) },
      { ...child, dependsOn: [access] },
    );

    const user = new aws.iam.User("objects", { path: "/spatialforge/" }, child);
    new aws.iam.UserPolicy(
      "objects",
      { user: user.name, policy: bucket.arn.apply((arn) => JSON.stringify(use(arn))) },
      child,
    );
    const key = new aws.iam.AccessKey(`objects-${args.keySerial}`, { user: user.name }, child);
    const { recoveryDays } = args;
    const stored = (id: string, value: pulumi.Output<string>) =>
      secret(id, { value, recoveryDays, description: "Access to the object store" }, child);
    this.name = bucket.id;
    this.accessKey = stored("objects-access-key", key.id);
    this.secretKey = stored("objects-secret-key", key.secret);
    this.registerOutputs({ name: this.name });
  }
}

const tlsOnly = (arn: string) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, `${arn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});

const use = (arn: string) => ({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: arn },
    { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource: `${arn}/*` },
  ],
});
