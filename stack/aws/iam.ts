import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { arn, type AwsContext } from "./context";

/** A statement that allows actions. */
export interface Statement {
  Action: string[];
  Resource: pulumi.Input<string | string[]> | pulumi.Input<string>[];
  Condition?: Record<string, Record<string, pulumi.Input<string>>>;
}

/** Creates an IAM policy document that allows the actions of all statements. */
export const allowPolicy = (statements: readonly Statement[]): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })),
  });

/**
 * Creates a trust policy that lets an AWS service assume a role, but only on behalf of resources of this account. This prevents the
 * confused deputy problem: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
 *
 * @param sourceArn - ARN pattern of the resources that the service acts for
 */
export const serviceTrustPolicy = (
  service: string,
  accountId: pulumi.Input<string>,
  sourceArn: pulumi.Input<string>,
): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: service },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "aws:SourceAccount": accountId }, ArnLike: { "aws:SourceArn": sourceArn } },
      },
    ],
  });

/** A role that ECS tasks of this account can assume. */
export interface TaskRole {
  role: aws.iam.Role;
  /** Resources that must exist before a task uses the role. */
  dependencies: pulumi.Resource[];
}

/** Creates a role that ECS tasks of this account can assume. Without statements, it has no policy. */
export function taskRole(
  name: string,
  context: AwsContext,
  statements: readonly Statement[],
  opts: pulumi.CustomResourceOptions,
): TaskRole {
  const trust = serviceTrustPolicy("ecs-tasks.amazonaws.com", context.accountId, arn(context, "ecs", "*"));
  const role = new aws.iam.Role(name, { assumeRolePolicy: trust }, opts);
  if (!statements.length) return { role, dependencies: [role] };
  const policy = new aws.iam.RolePolicy(name, { role: role.id, policy: allowPolicy(statements) }, opts);
  return { role, dependencies: [policy] };
}
