import type { Rule, StackResource } from "../rule";
import { statements } from "../statements";
import { at, isOneOf, isTrue, UNKNOWN } from "../values";

const BUCKET = "aws:s3/bucket:Bucket";

const deniesPlainHttp = ({ props }: StackResource): boolean =>
  props.policy === UNKNOWN ||
  statements(props.policy).some(
    ({ Effect, Condition }) => Effect === "Deny" && isOneOf(at(at(Condition, "Bool"), "aws:SecureTransport"), "false"),
  );

/** Resources that each bucket needs, by type token: what they must meet, and the message without them. */
const COMPANIONS: Readonly<Record<string, readonly [met: (resource: StackResource) => boolean, message: string]>> = {
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
    ({ props }) => isTrue(props.restrictPublicBuckets),
    "public access is not blocked: create a BucketPublicAccessBlock",
  ],
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
    () => true,
    "it has no default encryption: create a BucketServerSideEncryptionConfiguration",
  ],
  "aws:s3/bucketPolicy:BucketPolicy": [
    deniesPlainHttp,
    "requests without TLS are not denied: create a BucketPolicy that denies them (aws:SecureTransport)",
  ],
};

const belongsTo =
  (bucket: StackResource) =>
  ({ propertyDependencies }: StackResource): boolean =>
    (propertyDependencies.bucket ?? []).includes(bucket.urn);

export const BUCKETS: readonly Rule[] = [
  {
    name: "private-encrypted-buckets",
    description: "Each bucket blocks public access, has default encryption, and denies requests without TLS.",
    checkStack: (resources) =>
      resources
        .filter(({ type }) => type === BUCKET)
        .flatMap((bucket) =>
          Object.entries(COMPANIONS)
            .filter(
              ([type, [met]]) => !resources.some((one) => one.type === type && belongsTo(bucket)(one) && met(one)),
            )
            .map(([, [, message]]) => ({ resource: bucket, message })),
        ),
  },
];
