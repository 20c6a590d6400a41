import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RULES } from "../../policy/rules";
import { RUN_TO_COMPLETION } from "../../policy/rules/containers";
import { usedWildcards } from "../../policy/rules/iam";
import { isProduction } from "../../policy/stacks";
import { UNKNOWN } from "../../policy/values";
import { WILDCARDS } from "../../policy/wildcards";
import { PREVIEW_DIGEST } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { dockerPlatform } from "../harness/docker-platform";
import { findings, recorded, toResource, type Finding } from "../harness/findings";

const TASK = "aws:ecs/taskDefinition:TaskDefinition";

const named = ({ rule, resource }: Finding) => `${rule}: ${resource}`;

describe("the resources of", () => {
  it("prod break no rule", async () => {
    expect(findings("prod", await recorded("prod"))).toEqual([]);
  });

  it("prod with all options break no rule", async () => {
    const options = {
      ecsExec: true,
      alarmEmail: "ops@example.org",
      bucket: { corsOrigins: ["https://app.example.org"] },
    };
    expect(findings("prod", await recorded("prod", options))).toEqual([]);
  });

  it("dev break no rule, except that its load balancer answers plain HTTP", async () => {
    expect(findings("dev", await recorded("dev")).map(named)).toEqual(["encryption-in-transit: load-balancer"]);
  });

  it("local break no rule, except that images of other projects have tags", async () => {
    const resources = (await dockerPlatform()).map(toResource);
    expect(findings("local", resources).map(named)).toEqual(
      ["proxy", "registry", "redis", "objects"].map((name) => `local-image-digest: ${name}`),
    );
  });
});

describe("in a preview", () => {
  it("the placeholder of an image is accepted", async () => {
    const resources = structuredClone(await recorded("prod"));
    resources
      .filter(({ type }) => type === TASK)
      .forEach(({ props }) => {
        const [definition] = JSON.parse(String(props.containerDefinitions));
        const image = `repository@${PREVIEW_DIGEST}`;
        Object.assign(props, { containerDefinitions: JSON.stringify([{ ...definition, image }]) });
      });
    expect(findings("prod", resources, true)).toEqual([]);
    expect(new Set(findings("prod", resources).map(({ rule }) => rule))).toEqual(new Set(["container-image-digest"]));
  });

  it.each([
    ["prod", () => recorded("prod")],
    ["local", async () => (await dockerPlatform()).map(toResource)],
  ])("values of %s that are not known yet break no rule", async (stack, resources) => {
    const unknown = (await resources()).map((one) => ({
      ...one,
      props: Object.fromEntries(Object.keys(one.props).map((key) => [key, UNKNOWN])),
    }));
    expect(findings(stack, unknown, true)).toEqual([]);
  });
});

describe("the lists of exceptions have no entry that nothing needs", () => {
  const everything = async () => [
    ...(await recorded("dev", { ecsExec: true })),
    ...(await recorded("prod", { ecsExec: true })),
  ];

  it("wildcards in IAM policies", async () => {
    const used = (await everything()).flatMap(usedWildcards);
    const stale = WILDCARDS.flatMap((entry) =>
      entry.actions
        .filter((action) => !used.some((one) => one.allowedBy === entry && one.action === action))
        .map((action) => `${action}: ${entry.reason}`),
    );
    expect(stale).toEqual([]);
  });

  it("task definitions without a health check", async () => {
    const without = (await everything()).filter(
      ({ type, props }) => type === TASK && !JSON.parse(String(props.containerDefinitions))[0].healthCheck,
    );
    expect([...new Set(without.map(({ name }) => name))].sort()).toEqual(Object.keys(RUN_TO_COMPLETION).sort());
  });
});

it("docs/security.md lists all rules", () => {
  const rows = RULES.map(({ name, description }) => `| \`${name}\` | ${description} |`);
  const page = readFileSync(join(ROOT, "docs", "security.md"), "utf8");
  expect(page).toContain(`| rule | requirement |\n| --- | --- |\n${rows.join("\n")}\n\n`);
});

it.each([
  ["local", false],
  ["dev", false],
  ["prod", true],
  ["staging", true],
])("the stack %s must comply with every rule: %s", (stack, production) => {
  expect(isProduction(stack)).toBe(production);
});

it("dev needs no protection of data, and prod does", async () => {
  const dev = await recorded("dev");
  const rules = new Set(findings("prod", dev).map(({ rule }) => rule));
  expect(rules).toEqual(new Set(["encryption-in-transit", "protected-data", "deletion-protection", "backups"]));
});
