import { describe, expect, it } from "vitest";
import { ROLES } from "../../stack/roles";
import { awsPlatform } from "../harness/aws-platform";
import { allStatements, asList, statementsOf } from "../harness/policy";

/** Types of resources that would add policies which the tests do not see. */
const OTHER_POLICIES = /iam\/(\w*PolicyAttachment\w*|policy):/;

/** The only statement that allows all actions: the default statement of a key policy, so that IAM policies apply to the key. */
const KEY_STATEMENT = "Account";

/** Actions for which AWS supports no resource, and why they are needed. */
const WITHOUT_RESOURCE: Record<string, string> = {
  "ecr:GetAuthorizationToken": "sign in to ECR",
  "ecs:DiscoverPollEndpoint": "the ECS agent finds the endpoint of its cluster",
  "logs:DescribeLogGroups": "ECS Exec finds its log group",
  "ssmmessages:CreateControlChannel": "ECS Exec",
  "ssmmessages:CreateDataChannel": "ECS Exec",
  "ssmmessages:OpenControlChannel": "ECS Exec",
  "ssmmessages:OpenDataChannel": "ECS Exec",
};

const EXEC = { ecsExec: true };

describe.each([
  ["dev", {}],
  ["prod", {}],
  ["prod", EXEC],
] as const)("each statement of %s %o", (stack, aws) => {
  it("names its actions", async () => {
    const statements = allStatements(await awsPlatform(stack, aws));
    expect(statements.length).toBeGreaterThan(8);
    for (const [name, { Effect, Action, Sid }] of statements) {
      if (Effect === "Deny" || Sid === KEY_STATEMENT) continue;
      for (const action of asList(Action)) expect(action, name).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    }
  });

  it("names its resources if AWS supports any", async () => {
    for (const [name, { Action, Resource }] of allStatements(await awsPlatform(stack, aws))) {
      if (name === "kms-key") continue; // the only resource of a key policy is `*`, which is the key itself
      const resources = asList(Resource);
      expect(resources.length, name).toBeGreaterThan(0);
      if (!resources.includes("*")) continue;
      for (const action of asList(Action))
        expect(Object.keys(WITHOUT_RESOURCE), `${name}: ${action}`).toContain(action);
    }
  });
});

it("there are no attached or managed policies", async () => {
  const registered = await awsPlatform("prod", EXEC);
  expect(registered.filter(({ type }) => OTHER_POLICIES.test(type))).toEqual([]);
  for (const { type, inputs } of registered) {
    if (type === "aws:iam/role:Role") expect(inputs).not.toHaveProperty("managedPolicyArns");
  }
});

it("only ECS tasks of this account can assume the roles of tasks", async () => {
  const registered = await awsPlatform("dev");
  const roles = registered.filter(({ type, name }) => type === "aws:iam/role:Role" && /-(task|execution)$/.test(name));
  const tasks = [...ROLES.map(({ name }) => name), "model-download", "verification-api"];
  expect(roles.map(({ name }) => name).sort()).toEqual(
    tasks.flatMap((name) => [`${name}-execution`, `${name}-task`]).sort(),
  );
  for (const { inputs } of roles) {
    expect(statementsOf(inputs.assumeRolePolicy)).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "ecs-tasks.amazonaws.com" },
        Action: "sts:AssumeRole",
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:ecs:eu-west-1:123456789012:*" },
        },
      },
    ]);
  }
});
