import { describe, expect, it } from "vitest";
import { awsPlatform } from "../harness/aws-platform";
import { statementsOf, type Statement } from "../harness/policy";

/** Resources whose inputs hold a policy, and the input. */
const POLICIES: Record<string, string> = {
  "aws:iam/rolePolicy:RolePolicy": "policy",
  "aws:iam/userPolicy:UserPolicy": "policy",
  "aws:kms/key:Key": "policy",
  "aws:s3/bucketPolicy:BucketPolicy": "policy",
  "aws:efs/fileSystemPolicy:FileSystemPolicy": "policy",
};

/** Types by which a policy that is not written here would come in. */
const ELSEWHERE = /iam\/(\w*PolicyAttachment\w*|policy):/;

/** The one statement with all actions: AWS's default in the policy of a key, by which IAM policies of the account count for it. */
const KEY_OF_ACCOUNT = "Account";

/** Actions that AWS allows on `*` only, and what they are for. */
const ANYWHERE: Record<string, string> = {
  "ecr:GetAuthorizationToken": "signs in to ECR as a whole",
  "ecs:DiscoverPollEndpoint": "a host's agent asks where its cluster's endpoint is",
  "logs:DescribeLogGroups": "ECS Exec looks for its log group in the list of all",
  "ssmmessages:CreateControlChannel": "the channels of ECS Exec have no names before they are made",
  "ssmmessages:CreateDataChannel": "as above",
  "ssmmessages:OpenControlChannel": "as above",
  "ssmmessages:OpenDataChannel": "as above",
};

const list = <T>(one: T | T[]): T[] => (Array.isArray(one) ? one : [one]);

async function statements(stack: "dev" | "prod", aws = {}): Promise<[where: string, Statement][]> {
  const registered = await awsPlatform(stack, aws);
  return registered.flatMap(({ type, name, inputs }) => {
    const policy = POLICIES[type] && inputs[POLICIES[type]];
    return policy ? statementsOf(policy).map((statement): [string, Statement] => [name, statement]) : [];
  });
}

const EXEC = { exec: true };

describe.each([
  ["dev", {}],
  ["prod", {}],
  ["prod", EXEC],
] as const)("every IAM statement of %s %o", (stack, aws) => {
  it("names its actions", async () => {
    const all = await statements(stack, aws);
    expect(all.length).toBeGreaterThan(8);
    for (const [where, { Effect, Action, Sid }] of all) {
      if (Effect === "Deny" || Sid === KEY_OF_ACCOUNT) continue;
      for (const action of list(Action)) expect(action, where).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    }
  });

  it("names its resources, but for what AWS allows on all only", async () => {
    for (const [where, { Action, Resource }] of await statements(stack, aws)) {
      if (where === "key") continue; // the resource of a key's own policy is the key, and written `*`
      const resources = list(Resource);
      expect(resources.length, where).toBeGreaterThan(0);
      if (!resources.includes("*")) continue;
      for (const action of list(Action)) expect(Object.keys(ANYWHERE), `${where}: ${action}`).toContain(action);
    }
  });
});

it("no policy comes from elsewhere", async () => {
  const registered = await awsPlatform("prod", EXEC);
  expect(registered.filter(({ type }) => ELSEWHERE.test(type))).toEqual([]);
  for (const { type, inputs } of registered) {
    if (type === "aws:iam/role:Role") expect(inputs).not.toHaveProperty("managedPolicyArns");
  }
});

it("the statements are these", async () => {
  const all = await statements("prod", EXEC);
  const lines = all.map(([where, { Effect, Principal, Action, Resource, Condition }]) =>
    [
      where,
      ...(Effect === "Allow" ? [] : [Effect]),
      ...(Principal ? [JSON.stringify(Principal)] : []),
      list(Action).join(" "),
      list(Resource).join(" "),
      ...(Condition ? [JSON.stringify(Condition)] : []),
    ].join(" | "),
  );
  expect(lines.sort()).toMatchSnapshot();
});

it("only tasks of this account's clusters take a task's role", async () => {
  const registered = await awsPlatform("dev");
  const roles = registered.filter(({ type, name }) => type === "aws:iam/role:Role" && /-(task|execution)$/.test(name));
  expect(roles.map(({ name }) => name).sort()).toEqual([
    "api-execution",
    "api-task",
    "beat-execution",
    "beat-task",
    "fill-models-execution",
    "fill-models-task",
    "worker-execution",
    "worker-task",
  ]);
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
