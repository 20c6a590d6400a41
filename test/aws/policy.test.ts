import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PREVIEW_DIGEST } from "../../stack/images/catalog";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";

const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";

/** A program whose setting says which rule it breaks. */
const FOLDER = "test/aws/programs/policy";

describe.each(["prod", "dev"] as const)("the policy pack on %s", (name) => {
  const stack = new AwsStack(name, new Ecr(process.env.LAB_ECR ?? ""), {});

  /** Runs a command on the program with the policy pack. */
  const run = (command: string, broken: string) => {
    const tags = { Project: "spatialforge", Environment: name };
    const config = { "aws:region": "us-east-1", "aws:defaultTags": { tags }, "policy:broken": broken };
    writeFileSync(join(stack.clone.folder, FOLDER, `Pulumi.${name}.yaml`), JSON.stringify({ config }));
    return stack.run(`${command} -C ${FOLDER} --policy-pack ${stack.clone.folder}/policy`);
  };

  /** Types of the resources in the state. */
  const created = async () => {
    const { deployment } = JSON.parse(await stack.must(`stack export -C ${FOLDER}`));
    const types = (deployment.resources ?? []).map(({ type }: { type: string }) => type);
    return types.filter((type: string) => !type.startsWith("pulumi:"));
  };

  beforeAll(async () => {
    await stack.start();
    await stack.must(`stack init -C ${FOLDER}`);
  });
  afterAll(() => stack.stop());

  if (name === "dev") {
    it("warns, and the update completes", async () => {
      const { code, text } = await run("up --yes --skip-preview", "logs");
      expect(code, text).toBe(0);
      expect(text).toMatch(/\[advisory\] +log-retention .*logs\)/);
      expect(text).toContain("the logs never expire: set retentionInDays");
      expect(await created()).toContain("aws:cloudwatch/logGroup:LogGroup");
    });
    return;
  }

  it.each([
    ["logs", "log-retention", "the logs never expire: set retentionInDays"],
    ["bucket", "private-encrypted-buckets", "public access is not blocked: create a BucketPublicAccessBlock"],
  ])("rejects an update with a violation of the %s before anything is created", async (broken, rule, message) => {
    const { code, text } = await run("up --yes", broken);
    expect(code, text).not.toBe(0);
    expect(text).toMatch(new RegExp(`\\[mandatory\\] +${rule} `));
    expect(text).toContain(message);
    expect(await created()).toEqual([]);
  });

  it("rejects what the first preview does not know in the update, before the resource is created", async () => {
    const { code, text } = await run("up --yes", "root");
    expect(code, text).not.toBe(0);
    expect(text).toMatch(/\[mandatory\] +container-read-only-root /);
    expect(await created()).not.toContain(TASK_DEFINITION);
  });

  it("reports nothing about a program that breaks no rule", async () => {
    const { code, text } = await run("up --yes", "nothing");
    expect(code, text).toBe(0);
    expect(text).not.toMatch(/\[(advisory|mandatory)\]/);
    expect(await created()).toContain(TASK_DEFINITION);
  });

  it("rejects the same violation in the preview of an existing stack", async () => {
    const { code, text } = await run("preview", "root");
    expect(code, text).not.toBe(0);
    expect(text).toMatch(/\[mandatory\] +container-read-only-root /);
  });

  it("accepts the placeholder of an image in a preview, and rejects it in an update", async () => {
    const preview = await run("preview --diff", "image");
    expect(preview.code, preview.text).toBe(0);
    expect(preview.text).toContain(PREVIEW_DIGEST);
    expect(preview.text).not.toMatch(/\[(advisory|mandatory)\]/);
    const update = await run("up --yes --skip-preview", "image");
    expect(update.code, update.text).not.toBe(0);
    expect(update.text).toMatch(/\[mandatory\] +container-image-digest /);
  });
});
