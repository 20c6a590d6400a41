import { describe, expect, it } from "vitest";
import { parseSettings } from "../../stack/config/parse";
import { PHYSICAL_NAMES } from "../../stack/config/physical-names";
import { DEPLOYMENT_ALARM_SECTIONS } from "../../stack/aws/operations/alarms/runbook";
import { ROLES } from "../../stack/roles";
import { awsPlatform } from "../harness/aws-platform";

const VALUES = { platform: "aws", aws: JSON.stringify({ loadBalancer: { allowHttp: true } }) };

const problems = (stack: string) => parseSettings({ stack, values: VALUES }).problems;

describe("the name of a stack", () => {
  it.each(["dev", "staging", "a".repeat(19), "pr-1234", "eu1"])("can be %s", (stack) => {
    expect(problems(stack)).toEqual([]);
  });

  it.each([
    ["a".repeat(20), "the name of the load balancer would have 33 characters, and AWS allows 32"],
    ["a".repeat(22), "the name of the Redis replication group would have 42 characters, and AWS allows 40"],
    ["my_stack", "the name of the load balancer can contain only letters, digits, and hyphens"],
    ["eu.prod", "the name of the ECS cluster can contain only letters, digits, hyphens, and underscores"],
    ["Prod", "the name of the ECR repository can contain only lowercase letters"],
    ["a--b", "the name of the Redis replication group can contain only letters, digits, and single hyphens"],
    ["dev-", "the name of the load balancer can contain only"],
  ])("cannot be %s", (stack, reason) => {
    const [problem, ...others] = problems(stack);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ key: "platform", value: "aws" });
    expect(problem.remedy).toContain(`the stack cannot be called ${stack}: `);
    expect(problem.remedy).toContain(reason);
    expect(problem.remedy).toContain("of at most 19 lowercase letters, digits, and single hyphens");
  });

  it("does not matter on this machine", () => {
    expect(parseSettings({ stack: "my_stack", values: {} }).problems).toEqual([]);
  });
});

const ALL_OPTIONS = {
  ecsExec: true,
  customerManagedKey: true,
  network: { vpcEndpoints: true, flowLogRetentionDays: 1 },
  loadBalancer: { waf: true, domainName: "sf.example.org", hostedZoneId: "Z1" },
};
const SECRETS = { secrets: { SENTRY_DSN: "https://sentry" } };

/** Inputs that are names in AWS. */
const NAME_INPUTS = ["name", "family", "replicationGroupId", "repositoryName"];

/** Names of the task definitions and alarms. The table has the longest. */
const FAMILIES = [
  ...[...ROLES.flatMap(({ name }) => [name, `${name}-verification`]), "model-download"],
  ...Object.keys(DEPLOYMENT_ALARM_SECTIONS).map((id) => `api-deployment-${id}`),
].map((name) => `spatialforge-dev-${name}`);

it("the table has every name with the name of the stack", async () => {
  const registered = await awsPlatform("dev", ALL_OPTIONS, SECRETS);
  const names = registered
    .filter(({ type }) => type !== "aws:secretsmanager/secret:Secret")
    .flatMap(({ inputs }) => NAME_INPUTS.map((key) => inputs[key] as unknown))
    .filter((name): name is string => typeof name === "string" && name.includes("spatialforge-dev"));
  expect(names.length).toBeGreaterThan(8);
  const known = Object.values(PHYSICAL_NAMES).map(({ name }) => name("spatialforge-dev"));
  const withoutSuffix = (name: string) => name.replace(/-(generated-redis-id|0{6})$/, "");
  const others = names.filter((name) => ![...known, ...FAMILIES].map(withoutSuffix).includes(withoutSuffix(name)));
  expect(others).toEqual(["aws-waf-logs-spatialforge-dev"]); // shorter than the other log group
});

it.each(["dev", "prod"] as const)("no secret of %s ends in a hyphen and six characters", async (stack) => {
  const secrets = (await awsPlatform(stack, ALL_OPTIONS, SECRETS)).filter(
    ({ type }) => type === "aws:secretsmanager/secret:Secret",
  );
  expect(secrets.length).toBeGreaterThan(4);
  for (const { inputs } of secrets) expect(inputs.name).not.toMatch(/-[a-zA-Z0-9]{6}$/);
});
