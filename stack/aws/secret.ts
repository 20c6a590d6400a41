import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface SecretArgs {
  /** What the secret is; it is a secret of the state too. */
  value: pulumi.Input<string>;
  description: string;
  /** Days in which a deleted secret can be restored; 0: it is gone at once, so that a stack can be made anew under its name. */
  recoveryDays: number;
}

/** A value in Secrets Manager; tasks get it by its ARN. */
export function secret(name: string, args: SecretArgs, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
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
  return version.arn;
}
