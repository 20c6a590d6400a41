import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Options that all secrets of a stack share. */
export interface SecretOptions {
  /** Number of days in which a deleted secret can be restored, 7 to 30. 0: it is deleted immediately, so that a new stack can use its name. */
  recoveryWindowDays: number;
  /** Encrypts the secret. Default: the key that AWS owns for Secrets Manager. */
  kmsKeyArn?: pulumi.Input<string>;
}

export interface SecretArgs extends SecretOptions {
  /**
   * Name in Secrets Manager, below `PROJECT/STACK/`. It must not end in a hyphen and six characters: Secrets Manager adds such a suffix to
   * the ARN, and could not tell the two apart.
   * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
   */
  name: string;
  description: string;
  /** The state stores it encrypted. */
  value: pulumi.Input<string>;
}

/** A secret that tasks read. */
export interface Secret {
  /** ARN for IAM policies, which identify a secret but not its version. */
  arn: pulumi.Output<string>;
  /** Reference for task definitions: the secret and its version. */
  valueFrom: pulumi.Output<string>;
}

/**
 * Stores a value in Secrets Manager. Tasks read it only when they start, so `valueFrom` includes the version: a new value creates a new
 * task definition and starts a deployment. (In the provider, the ARN of a version is the ARN of the secret.) After a rollback, ECS uses the
 * previous version, which Secrets Manager keeps as AWSPREVIOUS. This requires Fargate 1.4.0 or ECS agent 1.37.0, both of 2020.
 *
 * @param opts - `protect: true` for a value that must never change: neither the secret nor its version can be deleted or replaced
 */
export function secret(resourceName: string, args: SecretArgs, opts: pulumi.CustomResourceOptions): Secret {
  const { arn, versionId } = storeSecret(resourceName, args, opts);
  return { arn, valueFrom: valueFrom(arn, "", versionId) };
}

/** Stores several values in one secret, as a JSON object. Returns a reference to each value, by its name. */
export function jsonSecret(
  resourceName: string,
  { values, ...args }: Omit<SecretArgs, "value"> & { values: Readonly<Record<string, pulumi.Input<string>>> },
  opts: pulumi.CustomResourceOptions,
): Record<string, Secret> {
  const { arn, versionId } = storeSecret(resourceName, { ...args, value: pulumi.jsonStringify(values) }, opts);
  const names = Object.keys(values);
  return Object.fromEntries(names.map((name) => [name, { arn, valueFrom: valueFrom(arn, name, versionId) }]));
}

/**
 * Reference to a value, in the format of task definitions: ARN:JSON-KEY:STAGE:VERSION, with an empty stage.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 */
const valueFrom = (arn: pulumi.Output<string>, jsonKey: string, versionId: pulumi.Output<string>) =>
  pulumi.interpolate`${arn}:${jsonKey}::${versionId}`;

function storeSecret(resourceName: string, args: SecretArgs, opts: pulumi.CustomResourceOptions) {
  const { description, recoveryWindowDays, kmsKeyArn } = args;
  const name = `${pulumi.getProject()}/${pulumi.getStack()}/${args.name}`;
  const { id: secretId, arn } = new aws.secretsmanager.Secret(
    resourceName,
    { name, description, recoveryWindowInDays: recoveryWindowDays, kmsKeyId: kmsKeyArn },
    opts,
  );
  const secretString = pulumi.secret(args.value);
  const { versionId } = new aws.secretsmanager.SecretVersion(resourceName, { secretId, secretString }, opts);
  return { arn, versionId };
}
