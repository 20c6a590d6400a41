import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { driftedResources } from "../../scripts/drift/differences";
import { reportIssue } from "../../scripts/drift/issue";
import { githubRepository } from "../../scripts/github";
import { driftReport } from "../../scripts/drift/report";
import { ROOT } from "../../stack/root";
import { FakeGitHub } from "../harness/fake-github";

type Values = Record<string, unknown>;

/** A secret in an event, as the engine passes it. */
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };

/** The event of a resource after a refresh, with the fields that the engine of Pulumi 3.259 sets. */
const event = (op: string, type: string, name: string, expected: Values, actual?: Values): EngineEvent =>
  ({
    resOutputsEvent: {
      metadata: {
        op,
        type,
        urn: `urn:pulumi:dev::spatialforge::spatialforge:aws:Platform$${type}::${name}`,
        old: { inputs: expected, outputs: { ...expected, arn: "arn" } },
        new: actual ? { inputs: expected, outputs: { ...expected, arn: "arn", ...actual } } : null,
        diffs: Object.keys(actual ?? {}),
      },
    },
  }) as unknown as EngineEvent;

const GROUP = "aws:cloudwatch/logGroup:LogGroup";
const logs = event("update", GROUP, "logs", { retentionInDays: 30 }, { retentionInDays: 7 });

describe("drifted resources", () => {
  it("are those that the refresh would change, with the properties that differ", () => {
    const tags = { Name: "a" };
    const events = [
      { sequence: 0, timestamp: 0, preludeEvent: { config: {} } },
      event("same", GROUP, "unchanged", { retentionInDays: 30 }, {}),
      logs,
      event("update", GROUP, "tagged", { tags }, { tags: { ...tags, Owner: "me" }, tagsAll: { ...tags, Owner: "me" } }),
      event("delete", "aws:ssm/parameter:Parameter", "gone", { value: "one" }),
    ] as EngineEvent[];
    expect(driftedResources(events)).toEqual([
      {
        ...{ type: GROUP, name: "logs", missing: false },
        differences: [{ property: "retentionInDays", expected: "30", actual: "7" }],
      },
      {
        ...{ type: GROUP, name: "tagged", missing: false },
        differences: [{ property: "tags", expected: '{"Name":"a"}', actual: '{"Name":"a","Owner":"me"}' }],
      },
      { type: "aws:ssm/parameter:Parameter", name: "gone", missing: true, differences: [] },
    ]);
  });

  it("show no secret, not even in a nested value", () => {
    const nested = (text: string) => ({ list: [SECRET], text });
    const changed = event(
      "update",
      GROUP,
      "a",
      { value: SECRET, nested: nested("x") },
      { value: SECRET, nested: nested("y") },
    );
    expect(driftedResources([changed])[0].differences).toEqual([
      { property: "nested", expected: '{"list":["[secret]"],"text":"x"}', actual: '{"list":["[secret]"],"text":"y"}' },
      { property: "value", expected: "[secret]", actual: "[secret]" },
    ]);
  });

  it("show only the start of a long value, with a digest of all of it", () => {
    const long = (end: string) => `${"x".repeat(500)}${end}`;
    const [{ differences }] = driftedResources([
      event("update", GROUP, "a", { policy: long("a") }, { policy: long("b") }),
    ]);
    expect(differences[0].expected).toMatch(/^x{200}\.\.\. \(501 characters, SHA-256 [0-9a-f]{8}\)$/);
    expect(differences[0].expected).not.toBe(differences[0].actual);
  });
});

describe("the report", () => {
  it("lists the resources and how to resolve the differences", () => {
    const run = { GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "o/n", GITHUB_RUN_ID: "7" };
    const report = driftReport("dev", driftedResources([logs]), run)!;
    expect(report).toContain("1 resource of the stack `dev`");
    expect(report).toContain("pulumi up --refresh --stack dev");
    expect(report).toContain(`### \`logs\` (${GROUP})`);
    expect(report).toContain("| `retentionInDays` | `30` | `7` |");
    expect(report).toContain("[this run](https://github.com/o/n/actions/runs/7)");
  });

  it("has a value of AWS as code in one cell", () => {
    const changed = event("update", GROUP, "a", { description: "a" }, { description: "`| @org\n<!-- x -->" });
    expect(driftReport("dev", driftedResources([changed]))).toContain(
      "| `description` | `a` | `'\\| @org <!-- x -->` |",
    );
  });

  it("fits into an issue, and says how many resources it leaves out", () => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      event("update", GROUP, `logs-${index}`, { retentionInDays: 30 }, { retentionInDays: 7 }),
    );
    const report = driftReport("dev", driftedResources(many))!;
    expect(report.length).toBeLessThan(61_000);
    const listed = report.match(/^### /gm)!.length;
    expect(report).toContain(`${3000 - listed} more resources differ. The log of the run lists them.`);
    expect(driftReport("dev", driftedResources(many), {}, Infinity)!.match(/^### /gm)).toHaveLength(3000);
  });

  it("does not exist without differences", () => {
    expect(driftReport("dev", [])).toBeUndefined();
  });
});

describe("the issue of a stack", () => {
  let github: FakeGitHub;
  beforeEach(() => (github = new FakeGitHub()).start());
  afterEach(() => github.stop());
  const report = (text?: string, stack = "dev") => reportIssue(github.repository, stack, text);

  it("is opened, is updated on the second night, and is closed when the differences are gone", async () => {
    expect(await report("first night")).toBe("Opened the issue #1.");
    expect(github.open).toMatchObject([{ title: "Drift in the stack dev", labels: ["drift"] }]);
    expect(github.open[0].body).toMatch(/^first night\n/);

    expect(await report("second night")).toBe("Updated the issue #1.");
    expect(github.issues).toHaveLength(1);
    expect(github.open[0].body).toMatch(/^second night\n/);

    expect(await report()).toBe("Closed the issue #1.");
    expect(github.issues).toMatchObject([{ state: "closed", state_reason: "completed" }]);
    expect(github.issues[0].comments).toEqual(["The differences are gone."]);
    expect(await report()).toBe("No issue is open.");
  });

  it("is a new one if the stack drifts again", async () => {
    await report("a");
    await report();
    expect(await report("b")).toBe("Opened the issue #2.");
  });

  it("is not the one of another stack", async () => {
    await report("a", "prod");
    expect(await report("b", "dev")).toBe("Opened the issue #2.");
    await report(undefined, "dev");
    expect(github.open.map(({ number }) => number)).toEqual([1]);
  });

  it("is found behind a page of other issues", async () => {
    for (let count = 0; count < 150; count++) github.add({ labels: ["drift"], body: "another" });
    await report("a");
    expect(await report("b")).toBe("Updated the issue #151.");
    expect(github.requests.filter((one) => one === "GET /repos/o/n/issues")).toHaveLength(4);
  });

  it("is neither a pull request nor an issue without the label", async () => {
    await report("a");
    const { body } = github.issues[0];
    await report();
    github.add({ labels: ["drift"], body, pull_request: {} });
    github.add({ labels: [], body });
    expect(await report("b")).toBe("Opened the issue #4.");
  });

  it.each<[number, string]>([
    [403, "Resource not accessible by integration"],
    [503, "Service unavailable"],
  ])("fails with the message of GitHub: %i", async (status, message) => {
    github.failure = [status, message];
    await expect(report("a")).rejects.toThrow(new RegExp(`^GitHub refused GET \\(${status}\\): ${message}`));
    await expect(report()).rejects.toThrow(message);
  });

  it("fails if GitHub drops the label, because the next run would not find the issue", async () => {
    github.dropsLabels = true;
    await expect(report("a")).rejects.toThrow("GitHub did not add the label drift to #1.");
  });
});

describe("npm run drift", () => {
  it("reports to GitHub only if both variables are set", () => {
    expect(githubRepository({})).toBeUndefined();
    expect(githubRepository({ GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "o/n.js" })).toEqual({
      ...{ owner: "o", repo: "n.js", token: "t" },
      api: "https://api.github.com",
    });
    for (const env of [
      { GITHUB_TOKEN: "t" },
      { GITHUB_REPOSITORY: "o/n" },
      { GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "n" },
    ]) {
      expect(() => githubRepository(env)).toThrow("set GITHUB_TOKEN and GITHUB_REPOSITORY (OWNER/NAME)");
    }
  });

  it.each([[[]], [["--stac", "dev"]]])("exits with 2 and prints its usage: %o", (args) => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", join(ROOT, "scripts/drift.ts"), ...args],
      {
        cwd: ROOT,
        encoding: "utf8",
      },
    );
    expect(status).toBe(2);
    expect(stderr).toContain("Usage: npm run drift -- --stack NAME");
  });
});
