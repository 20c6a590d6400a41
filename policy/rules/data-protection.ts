import { statefulOf } from "../../stack/aws/stateful";
import { meets, type ResourceRule, type Rule } from "../rule";
import { at, isAtLeast, isOneOf, isSet, isTrue } from "../values";

/** Minimum number of days in which deleted data can be restored. */
const MINIMUM_DAYS = 7;

const REMEDY = "set aws.deletionProtection";

/** AWS restores a secret and a key for 30 days by default. */
const isRecoverable = (days: unknown): boolean => days === undefined || isAtLeast(days, MINIMUM_DAYS);

const DELETION = meets({
  "aws:lb/loadBalancer:LoadBalancer": [
    [
      ({ enableDeletionProtection }) => isTrue(enableDeletionProtection),
      `the load balancer, and with it its DNS name, can be deleted: ${REMEDY}`,
    ],
  ],
  "aws:s3/bucket:Bucket": [
    [({ forceDestroy }) => forceDestroy !== true, `the objects are deleted together with the bucket: ${REMEDY}`],
  ],
  "aws:secretsmanager/secret:Secret": [
    [
      ({ recoveryWindowInDays }) => isRecoverable(recoveryWindowInDays),
      `a deleted secret cannot be restored for ${MINIMUM_DAYS} days: ${REMEDY}`,
    ],
  ],
  "aws:kms/key:Key": [
    [
      ({ deletionWindowInDays }) => isRecoverable(deletionWindowInDays),
      `a deleted key cannot be restored for ${MINIMUM_DAYS} days: set deletionWindowInDays`,
    ],
  ],
});

const BACKUPS = meets({
  "aws:elasticache/replicationGroup:ReplicationGroup": [
    [
      ({ snapshotRetentionLimit }) => isAtLeast(snapshotRetentionLimit, MINIMUM_DAYS),
      `snapshots are kept for less than ${MINIMUM_DAYS} days: set aws.redis.snapshotRetentionDays`,
    ],
    [
      ({ finalSnapshotIdentifier }) => isSet(finalSnapshotIdentifier),
      "no snapshot is taken when it is deleted: set finalSnapshotIdentifier",
    ],
  ],
  "aws:s3/bucketVersioning:BucketVersioning": [
    [
      ({ versioningConfiguration }) => isOneOf(at(versioningConfiguration, "status"), "Enabled"),
      "overwritten objects are lost: set versioningConfiguration.status to Enabled",
    ],
  ],
});

const onProduction =
  (check: ResourceRule["check"]): ResourceRule["check"] =>
  (resource, context) =>
    context.production ? check(resource, context) : [];

const isProtected: ResourceRule["check"] = ({ type, name, protect }) => {
  const stateful = statefulOf(type, name);
  return stateful && !protect
    ? [`it can be deleted or replaced, which loses ${stateful.loses.replaceAll("`", "")}: ${REMEDY}`]
    : [];
};

export const DATA_PROTECTION: readonly Rule[] = [
  {
    name: "protected-data",
    description: "Pulumi refuses to delete or replace resources with data.",
    check: onProduction(isProtected),
  },
  {
    name: "deletion-protection",
    description: "AWS refuses to delete the load balancer and objects, and restores deleted secrets and keys.",
    check: onProduction(DELETION),
  },
  { name: "backups", description: "Data can be restored.", check: onProduction(BACKUPS) },
  {
    name: "versioned-buckets",
    description: "Buckets with data keep earlier versions of objects.",
    checkStack: (resources, { production }) => {
      if (!production) return [];
      const versioned = resources
        .filter(({ type }) => type === "aws:s3/bucketVersioning:BucketVersioning")
        .flatMap(({ propertyDependencies }) => propertyDependencies.bucket ?? []);
      return resources
        .filter(
          ({ type, name, urn }) => /bucket:Bucket$/.test(type) && statefulOf(type, name) && !versioned.includes(urn),
        )
        .map((resource) => ({ resource, message: "it keeps no earlier versions: create a BucketVersioning" }));
    },
  },
];
