import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What an IAM policy allows. */
export interface Statement {
  Action: string[];
  Resource: pulumi.Input<string> | pulumi.Input<string>[];
  Condition?: Record<string, Record<string, pulumi.Input<string>>>;
}

/** The account and region of the stack, for the ARNs that a policy names. */
export interface Place {
  account: pulumi.Input<string>;
  region: pulumi.Input<string>;
}

/** An IAM policy that allows all of the statements. */
export const allowing = (statements: readonly Statement[]): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
  });

/** A role that tasks of this account's clusters may take, with one policy. */
export function taskRole(
  name: string,
  { account, region }: Place,
  statements: readonly Statement[],
  opts: pulumi.CustomResourceOptions,
): { role: aws.iam.Role; ready: pulumi.Resource[] } {
  const role = new aws.iam.Role(
    name,
    {
      assumeRolePolicy: pulumi.jsonStringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "ecs-tasks.amazonaws.com" },
            Action: "sts:AssumeRole",
            // Against a confused deputy: only for tasks of this account.
            Condition: {
              StringEquals: { "aws:SourceAccount": account },
              ArnLike: { "aws:SourceArn": pulumi.interpolate`arn:aws:ecs:${region}:${account}:*` },
            },
          },
        ],
      }),
    },
    opts,
  );
  if (!statements.length) return { role, ready: [role] };
  const policy = new aws.iam.RolePolicy(name, { role: role.id, policy: allowing(statements) }, opts);
  return { role, ready: [policy] };
}
