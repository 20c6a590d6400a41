import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CloudWatchLogsClient, PutRetentionPolicyCommand } from "@aws-sdk/client-cloudwatch-logs";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { Ecr } from "../harness/ecr";
import { FakeGitHub } from "../harness/fake-github";

/** A program with resources that the test changes, and with a release. */
const PROGRAM = "test/aws/programs/drift";

const stack = new AwsStack("dev", new Ecr(process.env.LAB_ECR ?? ""), {});
const github = new FakeGitHub();

beforeAll(async () => {
  await Promise.all([stack.start(), github.start()]);
  const config = { "aws:region": "us-east-1", "aws:maxRetries": "1" };
  writeFileSync(join(stack.clone.folder, PROGRAM, "Pulumi.dev.yaml"), JSON.stringify({ config }));
  await stack.must(`stack init -C ${PROGRAM}`);
  await stack.must(`up --yes --skip-preview -C ${PROGRAM}`);
});
afterAll(() => Promise.all([stack.stop(), github.stop()]));

/** Runs the command as the workflow does. */
const drift = (name = "dev") => {
  const { token, owner, repo, api } = github.repository;
  const variables = `GITHUB_TOKEN=${token} GITHUB_REPOSITORY=${owner}/${repo} GITHUB_API_URL=${api}`;
  return stack.line(`${variables} npm run --silent drift -- --stack ${name}`);
};

const shortenRetention = (logGroupName: string) =>
  new CloudWatchLogsClient(stack.emulator.clientConfig).send(
    new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }),
  );

it("without a change, no issue is opened", async () => {
  expect(await drift()).toEqual({ code: 0, text: "The stack dev has no differences.\nNo issue is open.\n" });
  expect(github.issues).toEqual([]);
});

it("a property that the program ignores, and the value of a secret, are not compared", async () => {
  await shortenRetention("/drift/ignored");
  const value = { SecretId: "drift", SecretString: "another value" };
  await new SecretsManagerClient(stack.emulator.clientConfig).send(new PutSecretValueCommand(value));
  expect(await drift()).toMatchObject({ code: 0 });
});

it("a property that differs and a resource that is missing are in the issue", async () => {
  await shortenRetention("/drift/logs");
  const { topicArn } = JSON.parse(await stack.must("stack output --json")) as { topicArn: string };
  await stack.emulator.call("sns", "DeleteTopic", { Version: "2010-03-31", TopicArn: topicArn });
  const { code, text } = await drift();
  expect(code, text).toBe(1);
  expect(text).toMatch(/Opened the issue #1\.\n$/);
  expect(github.open).toHaveLength(1);
  const { body } = github.open[0];
  expect(body).toContain("2 resources of the stack `dev` differ");
  expect(body).toContain("| `retentionInDays` | `30` | `7` |");
  expect(body).toMatch(/### `topic` .*\n\nThe resource does not exist any more\./);
});

it("the same differences on the next night are in the same issue, and nothing is written to the state", async () => {
  const files = () => stack.mustLine(`find "\${PULUMI_BACKEND_URL#file://}" -type f -printf '%p %T@\\n' | sort`);
  const before = await files();
  expect(await drift()).toMatchObject({ code: 1, text: expect.stringMatching(/Updated the issue #1\.\n$/) as string });
  expect(github.issues).toHaveLength(1);
  expect(before).toContain("/stacks/spatialforge/dev.json");
  expect(await files()).toBe(before);
});

it("the issue is closed after an update as the issue describes it", async () => {
  await stack.must(`up --refresh --yes --skip-preview -C ${PROGRAM}`);
  expect(await drift()).toMatchObject({ code: 0, text: expect.stringMatching(/Closed the issue #1\.\n$/) as string });
  expect(github.open).toEqual([]);
});

it("a stack that does not exist, or a resource that cannot be read, is a failure and changes no issue", async () => {
  expect(await drift("missing")).toMatchObject({
    code: 2,
    text: "The stack missing cannot be opened: no stack named 'missing' found\n",
  });
  const requests = github.requests.length;
  const { code, text } = await stack.line("AWS_ENDPOINT_URL=http://127.0.0.1:1 npm run --silent drift -- --stack dev");
  expect(code, text).toBe(2);
  expect(text).toMatch(/^The stack dev cannot be compared: /);
  expect(github.requests).toHaveLength(requests);
});

it("the summary of a deployment names the release that the stack has", async () => {
  const script = "touch out summary; GITHUB_OUTPUT=out GITHUB_STEP_SUMMARY=summary";
  const env = "STACK=dev OUTCOME=success BEFORE=1-a RELEASE=2-b";
  const run = (step: string) => stack.mustLine(`${script} ${env} .github/deployment.sh ${step}; cat out summary`);
  expect(await run("before")).toBe("release=2-b\n");
  expect(await run("after")).toMatch(
    /\n### dev runs the release `2-b`\n\nThe release before was `1-a`\.\nNothing was built\./,
  );
});
