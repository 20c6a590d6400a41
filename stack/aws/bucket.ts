import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { closeBucket } from "./close-bucket";
import { allowing, type Statement } from "./roles";
import { secret, type Secret } from "./secret";

export interface BucketArgs {
  /** Days after which a result is removed. */
  days: number;
  /** Refuse to delete the bucket; else what is in it goes with it. */
  protect: boolean;
  /** Serial of the access key that tasks get, from 1. A new one makes a new key, and tasks start anew with it. */
  keySerial: number;
  /** Serial up to which keys are ended; what they signed is no longer valid. IAM allows a user two keys that are not. */
  endedSerial: number;
  /** Origins of web pages that may read results by their signed URLs; none: no page of another origin. */
  corsOrigins: string[];
  recoveryDays: number;
  /** Key that encrypts objects and secrets; default: AWS's own. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** Seconds for which a browser may keep the answer to a CORS request. */
const CORS_S = 3600;

/** The object store: a private, versioned, encrypted bucket, and a user who may use it and nothing else. */
export class Bucket extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;
  readonly accessKey: Secret;
  readonly secretKey: Secret;

  constructor(name: string, args: BucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Bucket", name, {}, opts);
    const child = { parent: this };
    const bucket = new aws.s3.Bucket(
      "objects",
      { forceDestroy: !args.protect },
      // Not for the whole component: old access keys have to go.
      { ...child, protect: args.protect },
    );
    configure(bucket, args, child);
    const key = accessKey(bucket, args, child);
    const { recoveryDays, kmsKeyArn } = args;
    const stored = (id: string, value: pulumi.Output<string>) =>
      secret(id, { value, recoveryDays, kmsKeyArn, description: "Access to the object store" }, child);
    this.name = bucket.id;
    this.accessKey = stored("objects-access-key", key.id);
    this.secretKey = stored("objects-secret-key", key.secret);
    this.registerOutputs({ name: this.name });
  }
}

function configure(bucket: aws.s3.Bucket, args: BucketArgs, child: pulumi.CustomResourceOptions): void {
  const of = { bucket: bucket.id };
  closeBucket("objects", bucket, [], child);
  new aws.s3.BucketVersioning("objects", { ...of, versioningConfiguration: { status: "Enabled" } }, child);
  new aws.s3.BucketServerSideEncryptionConfiguration("objects", { ...of, rules: [encryption(args)] }, child);
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
  if (args.corsOrigins.length) {
    const reading = { allowedMethods: ["GET", "HEAD"], allowedOrigins: args.corsOrigins, maxAgeSeconds: CORS_S };
    new aws.s3.BucketCorsConfiguration("objects", { ...of, corsRules: [reading] }, child);
  }
}

/** A bucket key asks KMS once for many objects instead of once for each. */
const encryption = ({ kmsKeyArn }: BucketArgs) =>
  kmsKeyArn
    ? {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn },
        bucketKeyEnabled: true,
      }
    : { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };

/** The keys of the user that are not ended; tasks get the newest one. */
function accessKey(bucket: aws.s3.Bucket, args: BucketArgs, child: pulumi.CustomResourceOptions): aws.iam.AccessKey {
  const { keySerial, endedSerial, kmsKeyArn } = args;
  if (!Number.isInteger(keySerial) || keySerial < 1) throw new RangeError(`no serial of a key: ${keySerial}`);
  if (!(endedSerial < keySerial)) throw new RangeError(`no key is left: ${keySerial} is ended too`);
  const user = new aws.iam.User("objects", { path: "/spatialforge/" }, child);
  const region = aws.getRegionOutput({}, child).name;
  const policy = allowing([...use(bucket.arn), ...(kmsKeyArn ? [viaS3(kmsKeyArn, region)] : [])]);
  new aws.iam.UserPolicy("objects", { user: user.name, policy }, child);
  const key = (serial: number) => new aws.iam.AccessKey(`objects-${serial}`, { user: user.name }, child);
  for (let older = endedSerial + 1; older < keySerial; older++) key(older);
  return key(keySerial);
}

const use = (arn: pulumi.Output<string>): Statement[] => [
  { Action: ["s3:ListBucket", "s3:GetBucketLocation"], Resource: arn },
  { Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource: pulumi.interpolate`${arn}/*` },
];

const viaS3 = (keyArn: pulumi.Input<string>, region: pulumi.Output<string>): Statement => ({
  Action: ["kms:Decrypt", "kms:GenerateDataKey"],
  Resource: keyArn,
  Condition: { StringEquals: { "kms:ViaService": pulumi.interpolate`s3.${region}.amazonaws.com` } },
});
