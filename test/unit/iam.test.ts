import { expect, it } from "vitest";
import { ROLES } from "../../stack/roles";
import { awsPlatform } from "../harness/aws-platform";
import { statementsOf } from "../harness/policy";

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
