import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What an IAM policy allows. */
export interface Statement {
  Action: string[];
  Resource: pulumi.Input<string | string[]>;
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

/** Lets a service of AWS take a role, but only for what is this account's own: against a confused deputy. */
export const serviceTrust = (
  service: string,
  account: pulumi.Input<string>,
  source: pulumi.Input<string>,
): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: service },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "aws:SourceAccount": account }, ArnLike: { "aws:SourceArn": source } },
      },
    ],
  });

/** A role that tasks of this account's clusters may take, with one policy. */
export function taskRole(
  name: string,
  { account, region }: Place,
  statements: readonly Statement[],
  opts: pulumi.CustomResourceOptions,
): { role: aws.iam.Role; ready: pulumi.Resource[] } {
  const source = pulumi.interpolate`arn:aws:ecs:${region}:${account}:*`;
  const role = new aws.iam.Role(
    name,
    { assumeRolePolicy: serviceTrust("ecs-tasks.amazonaws.com", account, source) },
    opts,
  );
  if (!statements.length) return { role, ready: [role] };
  const policy = new aws.iam.RolePolicy(name, { role: role.id, policy: allowing(statements) }, opts);
  return { role, ready: [policy] };
}
