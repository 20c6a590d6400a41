import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { statefulOf } from "../../stack/aws/stateful";
import { ROOT } from "../../stack/root";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";

/** A program with resources that a KMS key replaces. */
const FOLDER = "test/aws/programs/protection";

interface Resource {
  urn: string;
  type: string;
  id: string;
  protect?: boolean;
}

const stack = new AwsStack("prod", new Ecr(process.env.LAB_ECR ?? ""), {});

const configure = (customerManagedKey: boolean) => {
  const config = { "aws:region": "us-east-1", "protection:customerManagedKey": customerManagedKey };
  writeFileSync(join(stack.clone.folder, FOLDER, "Pulumi.prod.yaml"), JSON.stringify({ config }));
};

/** The resources with data. */
async function stateful(): Promise<Resource[]> {
  const { deployment } = JSON.parse(await stack.must(`stack export -C ${FOLDER}`));
  return deployment.resources.filter(({ type, urn }: Resource) => statefulOf(type, urn.split("::")[3]));
}

beforeAll(async () => {
  await stack.start();
  configure(false);
  await stack.must(`stack init -C ${FOLDER}`);
});
afterAll(() => stack.stop());

it("a protected resource is replaced only after the documented step, and is protected again", async () => {
  await stack.must(`up --yes --skip-preview -C ${FOLDER}`);
  const before = await stateful();
  expect(before.map(({ protect }) => protect)).toEqual([true, true]);

  configure(true);
  const rejected = await stack.run(`up --yes -C ${FOLDER}`);
  expect(rejected.code).not.toBe(0);
  for (const { urn } of before) expect(rejected.text).toContain(urn);
  expect(await stateful()).toEqual(before);

  const page = readFileSync(join(ROOT, "docs", "aws.md"), "utf8");
  const [, command] = /^ +(pulumi state unprotect --stack prod --yes 'URN')$/m.exec(page)!;
  for (const { urn } of before) await stack.mustLine(`cd ${FOLDER}; ${command.replace("URN", urn)}`);
  await stack.must(`up --yes -C ${FOLDER}`);
  const after = await stateful();
  expect(after.map(({ protect }) => protect)).toEqual([true, true, true]); // one of them is the KMS key
  const volume = (resources: Resource[]) => resources.find(({ type }) => type.startsWith("aws:efs/"))?.id;
  expect(volume(after)).not.toBe(volume(before));
});
