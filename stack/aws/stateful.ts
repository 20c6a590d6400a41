/** A type of resource whose replacement or deletion loses data. */
export interface Stateful {
  /** What it is, as in the documentation. */
  name: string;
  /** What a replacement loses. */
  loses: string;
  /** What would replace it. */
  cause: string;
  /** The documented step that a replacement needs: a link target, relative to `docs/`. */
  step: string;
  /** Resources of this type that hold no such data, by name, with the reason. Default: none. */
  except?: Readonly<Record<string, string>>;
}

/** Generated values that a new deployment replaces, by resource name. */
const REPLACEABLE_VALUES = {
  "redis-url": "the URL is computed again from Redis and its password",
  "bucket-objects-access-key": "a new access key is created by aws.bucket.accessKeyVersion",
  "bucket-objects-secret-key": "a new access key is created by aws.bucket.accessKeyVersion",
  "application-env": "the configuration of the stack has the values",
  "model-download-token": "the configuration of the stack has the value",
} as const;

const API_KEYS = {
  name: "secrets of the application",
  loses: "all API keys of customers, whose hashes depend on `API_KEY_SECRET`, and the administrator key",
  step: "aws.md#replace-a-protected-resource",
} as const;

/**
 * The resources that hold data, by type token. With `aws.deletionProtection`, Pulumi refuses to delete or replace them. The policy pack
 * verifies this on prod, and docs/aws.md lists them.
 */
export const STATEFUL: Readonly<Record<string, Stateful>> = {
  "aws:elasticache/replicationGroup:ReplicationGroup": {
    name: "Redis",
    loses: "API keys of customers, usage counters, and jobs",
    cause: "`aws.redis.snapshotName`, `aws.customerManagedKey`",
    step: "redis.md#restore",
  },
  "random:index/randomString:RandomString": {
    name: "ID of Redis",
    loses: "the same as Redis, which has a new ID after it",
    cause: "`aws.redis.snapshotName`",
    step: "redis.md#restore",
  },
  "aws:s3/bucket:Bucket": {
    name: "bucket",
    loses: "results and uploads of customers",
    cause: "no setting; a new name of the resource or another region",
    step: "aws.md#replace-a-protected-resource",
    except: { "load-balancer-access-logs": "it holds logs only, and cannot be deleted while it holds any" },
  },
  "aws:efs/fileSystem:FileSystem": {
    name: "model volume",
    loses: "the downloaded models",
    cause: "`aws.customerManagedKey`",
    step: "aws.md#replace-a-protected-resource",
  },
  "aws:kms/key:Key": {
    name: "KMS key",
    loses: "everything that it encrypts, including snapshots of Redis",
    cause: "`aws.customerManagedKey: false` deletes it",
    step: "aws.md#replace-a-protected-resource",
  },
  "aws:ecr/repository:Repository": {
    name: "ECR repository",
    loses: "all releases, so that no rollback is possible",
    cause: "`aws.customerManagedKey`",
    step: "aws.md#replace-a-protected-resource",
  },
  "aws:secretsmanager/secret:Secret": {
    ...API_KEYS,
    cause: "no setting; a new name of the stack or the secret",
    except: REPLACEABLE_VALUES,
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    ...API_KEYS,
    name: "values of these secrets",
    cause: "a new generated value",
    except: REPLACEABLE_VALUES,
  },
  "random:index/randomPassword:RandomPassword": {
    ...API_KEYS,
    name: "generated values of these secrets",
    cause: "another length or other characters of the value",
    except: { "redis-token": "redis.md#change-the-password describes how to change the password" },
  },
};

/** The table entry of a resource, or undefined if it holds no data. */
export function statefulOf(type: string, name: string): Stateful | undefined {
  const entry = STATEFUL[type];
  return entry && !(name in (entry.except ?? {})) ? entry : undefined;
}
