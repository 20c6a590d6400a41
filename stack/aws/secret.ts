import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface SecretArgs {
  /** What the secret is; it is a secret of the state too. */
  value: pulumi.Input<string>;
  description: string;
  /** Days in which a deleted secret can be restored; 0: it is gone at once, so that a stack can be made anew under its name. */
  recoveryDays: number;
}

/** A secret that tasks get. */
export interface Secret {
  arn: pulumi.Output<string>;
  /** How a task definition names it. */
  valueFrom: pulumi.Output<string>;
}

/** A value in Secrets Manager; tasks get it by its ARN. */
export function secret(name: string, args: SecretArgs, opts: pulumi.CustomResourceOptions): Secret {
  const { description, recoveryDays } = args;
  const prefix = `${pulumi.getProject()}/${pulumi.getStack()}`;
  const holder = new aws.secretsmanager.Secret(
    name,
    { name: `${prefix}/${name}`, description, recoveryWindowInDays: recoveryDays },
    opts,
  );
  const version = new aws.secretsmanager.SecretVersion(
    name,
    { secretId: holder.id, secretString: pulumi.secret(args.value) },
    opts,
  );
  // The version's: nothing reads the secret before it has a value.
  return { arn: holder.arn, valueFrom: version.arn };
}
