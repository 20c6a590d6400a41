import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface SecretArgs {
  /** What the secret is; it is a secret of the state too. */
  value: pulumi.Input<string>;
  description: string;
  /** Days in which a deleted secret can be restored; 0: it is gone at once, so that a stack can be made anew under its name. */
  recoveryDays: number;
  /** Key that encrypts it; default: AWS's own for Secrets Manager. */
  kmsKeyArn?: pulumi.Input<string>;
}

/** A secret that tasks get. */
export interface Secret {
  /** For IAM policies: they name a secret, never a version of it. */
  arn: pulumi.Output<string>;
  /** For task definitions: the secret and its version. */
  valueFrom: pulumi.Output<string>;
}

/**
 * A value in Secrets Manager. Tasks read it when they start and never again, so `valueFrom` names the version: a new value is a new task
 * definition, and its services start anew. (The ARN of a version, as the provider has it, is the secret's.) ECS rolls back to the version
 * before, which Secrets Manager keeps as AWSPREVIOUS. Needs Fargate 1.4.0 or an ECS agent of 1.37.0, both of 2020.
 *
 * @param opts - `protect: true` for a value that must never change: the secret and its version can be neither deleted nor replaced
 */
export function secret(name: string, args: SecretArgs, opts: pulumi.CustomResourceOptions): Secret {
  const { arn, versionId } = stored(name, args, opts);
  return { arn, valueFrom: reference(arn, "", versionId) };
}

/** Several values in one secret of Secrets Manager, by their names. */
export function secrets<Name extends string>(
  name: string,
  { values, ...args }: Omit<SecretArgs, "value"> & { values: Readonly<Record<Name, string>> },
  opts: pulumi.CustomResourceOptions,
): Record<Name, Secret> {
  const { arn, versionId } = stored(name, { ...args, value: JSON.stringify(values) }, opts);
  const of = (key: string): Secret => ({ arn, valueFrom: reference(arn, key, versionId) });
  return Object.fromEntries(Object.keys(values).map((key) => [key, of(key)])) as Record<Name, Secret>;
}

/**
 * What a task definition takes for one value: ARN:JSON-KEY:STAGE:VERSION, without the stage.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 */
const reference = (arn: pulumi.Output<string>, key: string, versionId: pulumi.Output<string>) =>
  pulumi.interpolate`${arn}:${key}::${versionId}`;

function stored(name: string, args: SecretArgs, opts: pulumi.CustomResourceOptions) {
  const { description, recoveryDays, kmsKeyArn } = args;
  const prefix = `${pulumi.getProject()}/${pulumi.getStack()}`;
  const { id: secretId, arn } = new aws.secretsmanager.Secret(
    name,
    { name: `${prefix}/${name}`, description, recoveryWindowInDays: recoveryDays, kmsKeyId: kmsKeyArn },
    opts,
  );
  const secretString = pulumi.secret(args.value);
  const { versionId } = new aws.secretsmanager.SecretVersion(name, { secretId, secretString }, opts);
  return { arn, versionId };
}
