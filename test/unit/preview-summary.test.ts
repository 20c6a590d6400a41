import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { BaseRef } from "../../scripts/preview/base-ref";
import { writeComment } from "../../scripts/preview/comment";
import { rebuiltImages } from "../../scripts/preview/images";
import { markdown } from "../../scripts/preview/markdown";
import { resourceChanges } from "../../scripts/preview/resource-change";
import { restartsOf } from "../../scripts/preview/restarts";
import { changedSettings } from "../../scripts/preview/settings";
import { summarize, type Summary } from "../../scripts/preview/summary";
import { FakeGitHub } from "../harness/fake-github";

const SUMMARY: Summary = {
  stack: "dev",
  result: "changed",
  errors: [],
  created: 0,
  updated: 0,
  images: [],
  restarts: { gpuInstances: false, roles: [] },
  removals: [],
  settings: [],
  policy: [],
};
const visible = (text: string) => text.split("<details><summary>Raw difference")[0];
const many = <T>(entry: (index: number) => T) => Array.from({ length: 100 }, (_, index) => entry(index));

describe("markdown", () => {
  it("is one line without changes, also with findings of the policy pack", () => {
    const policy = [{ policy: "tags", mandatory: false, resource: "bucket", message: "no tags" }];
    expect(markdown({ ...SUMMARY, result: "unchanged", policy }, "raw")).toBe("### `dev`: no changes\n");
  });

  it("has at most 60 lines before the raw difference, however much changes", () => {
    const everything: Summary = {
      ...SUMMARY,
      created: 100,
      updated: 100,
      images: many((index) => ({
        image: `i${index}`,
        reasons: [{ part: "code", details: many((file) => `f${file}`) }],
      })),
      restarts: {
        gpuInstances: true,
        roles: many((index) => ({ role: `r${index}`, step: 1 + (index % 2), because: many(() => "image") })),
      },
      removals: many((index) => ({
        op: "replace",
        type: "aws:s3/bucket:Bucket",
        name: `b${index}`,
        because: ["name"],
        protected: true,
        stateful: index < 50 ? { name: "bucket", loses: "results", step: "aws.md#x" } : undefined,
      })),
      settings: many((index) => ({ key: `k${index}`, before: "1", after: "2" })),
      policy: many(() => ({ policy: "p", mandatory: true, resource: "r", message: "rule\ndetail" })),
      cost: {
        region: "us-east-1",
        before: { atRest: 1, atFullScale: 2 },
        after: { atRest: 3, atFullScale: 4 },
        lines: many((index) => ({ what: `w${index}`, before: { atRest: 1 }, after: { atRest: 2 } })),
        assumptions: many(() => "a").slice(0, 6),
        unpriced: many((index) => `u${index}`),
      },
    };
    for (const summary of [
      everything,
      { ...everything, cost: undefined, result: "failed", errors: many(() => "error") } as Summary,
    ]) {
      expect(visible(markdown(summary, "raw")).split("\n").length).toBeLessThanOrEqual(60);
    }
  });

  it("has at most 60 lines for a preview with long errors", () => {
    const errors = many(() => many(() => "line").join("\n"));
    expect(visible(markdown({ ...SUMMARY, result: "failed", errors }, "")).split("\n").length).toBeLessThanOrEqual(60);
  });

  it("cuts long lines of errors, which cannot end their code block", () => {
    const text = markdown({ ...SUMMARY, result: "failed", errors: [`\`\`\` @everyone ${"x".repeat(100_000)}`] }, "raw");
    expect(text.length).toBeLessThan(2000);
    expect(text.match(/```/g)).toHaveLength(4); // the block of the errors, and that of the raw difference
  });

  it("cuts the raw difference, so that GitHub accepts the comment, and closes what it opened", () => {
    const text = markdown(SUMMARY, "x".repeat(200_000));
    expect(text.length).toBeLessThanOrEqual(60_000);
    expect(text).toMatch(/the summary of the job has the rest\n```\n\n<\/details>\n$/);
    expect(markdown(SUMMARY, "x".repeat(200_000), Infinity)).toContain("x".repeat(200_000));
  });

  it("names what a removed resource loses, the step that it requires, and that Pulumi refuses it", () => {
    vi.stubEnv("GITHUB_SHA", "");
    const text = markdown(
      {
        ...SUMMARY,
        removals: [
          {
            op: "replace",
            type: "aws:elasticache/replicationGroup:ReplicationGroup",
            name: "redis",
            because: ["snapshotName"],
            protected: true,
            stateful: { name: "Redis", loses: "API keys", step: "redis.md#restore" },
          },
        ],
      },
      "",
    );
    expect(text).toMatch(/^### `dev`: ⚠️ 1 resource with data is replaced or deleted/);
    expect(text).toContain("loses API keys. Pulumi refuses it, because the resource is protected.");
    expect(text).toContain("First follow `docs/redis.md#restore`");
    vi.unstubAllEnvs();
  });

  it("links to the documented step at the commit of a workflow", () => {
    const variables = { GITHUB_SERVER_URL: "https://github.example", GITHUB_REPOSITORY: "o/n", GITHUB_SHA: "abc" };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const removals: Summary["removals"] = [
      {
        ...{ op: "delete", type: "aws:s3/bucket:Bucket", name: "b", because: [], protected: false },
        stateful: { name: "bucket", loses: "results", step: "aws.md#replace" },
      },
    ];
    expect(markdown({ ...SUMMARY, removals }, "")).toContain(
      "(https://github.example/o/n/blob/abc/docs/aws.md#replace)",
    );
    vi.unstubAllEnvs();
  });
});

describe("the changes of a preview", () => {
  const urn = (type: string, name: string) =>
    `urn:pulumi:dev::spatialforge::spatialforge:aws:Platform$${type}::${name}`;
  const TASK = urn("aws:ecs/taskDefinition:TaskDefinition", "api-task-definition");
  const SERVICE = urn("aws:ecs/service:Service", "api");
  const step = (op: string, of: string, old: object | undefined, current: object | undefined, diffs: string[]) => ({
    sequence: 0,
    timestamp: 0,
    resourcePreEvent: {
      metadata: {
        ...{ op, urn: of, type: "", provider: "", diffs },
        old: old && { custom: true, inputs: old },
        new: current && { custom: true, inputs: current },
      },
    },
  });
  const changesOf = (...steps: object[]) => resourceChanges(steps as unknown as Parameters<typeof resourceChanges>[0]);
  const definitions = (container: object) => ({ containerDefinitions: JSON.stringify([container]) });

  it("list a replacement once, and no property that is equal", () => {
    const [before, after] = [
      { a: 1, b: 2 },
      { a: 1, b: 3 },
    ];
    const changes = changesOf(
      step("create-replacement", TASK, before, after, ["a", "b"]),
      step("replace", TASK, before, after, ["a", "b[0].c"]),
      step("delete-replaced", TASK, before, undefined, []),
    );
    expect(changes).toMatchObject([{ op: "replace", name: "api-task-definition", properties: ["b"] }]);
  });

  it("name the variables of a container that differ, and never their values", () => {
    const container = (value: string) => ({
      environment: [
        { name: "LEVEL", value },
        { name: "SAME", value: "s" },
      ],
    });
    const restarts = restartsOf(
      changesOf(
        step("replace", TASK, definitions(container("s3cr3t-1")), definitions(container("s3cr3t-2")), [
          "containerDefinitions",
        ]),
        step("update", SERVICE, { taskDefinition: "1" }, { taskDefinition: "2" }, ["taskDefinition"]),
      ),
    );
    expect(restarts.roles).toEqual([{ role: "api", step: 1, because: ["environment LEVEL"] }]);
    expect(JSON.stringify(restarts)).not.toContain("s3cr3t");
  });

  it("do not depend on the order of keys, which a refresh changes", () => {
    const [before, after] = [
      { image: "a", healthCheck: { retries: 3, interval: 10 } },
      { healthCheck: { interval: 10, retries: 3 }, image: "b" },
    ];
    const { roles } = restartsOf(
      changesOf(
        step("replace", TASK, definitions(before), definitions(after), ["containerDefinitions"]),
        step("update", SERVICE, { taskDefinition: "1" }, { taskDefinition: "2" }, ["taskDefinition"]),
      ),
    );
    expect(roles).toEqual([{ role: "api", step: 1, because: ["image"] }]);
  });

  it("do not restart a role whose service only gets another number of tasks, but count it as updated", async () => {
    const changes = changesOf(step("update", SERVICE, { desiredCount: 1 }, { desiredCount: 2 }, ["desiredCount"]));
    expect(restartsOf(changes).roles).toEqual([]);
    const preview = { changes, findings: [], errors: [], region: "us-east-1", diff: "" };
    expect(await summarize({ stack: "dev", preview })).toMatchObject({ updated: 1, result: "changed" });
  });

  it("say that other inputs changed, if an image is built although no part and no argument differs", async () => {
    const image = urn("docker:index/image:Image", "cpu");
    const build = (contextDigest: string) => ({ build: { args: { PARTS: '{"code":"1"}', BASE: "b" }, contextDigest } });
    const changes = changesOf(step("update", image, build("1"), build("2"), ["build"]));
    expect(await rebuiltImages(changes, { stack: "dev" })).toEqual([
      { image: "cpu", reasons: [{ part: "other inputs", details: ["build"] }] },
    ]);
  });
});

describe("changedSettings", () => {
  it("lists nested keys with both values, and hides secrets", () => {
    const before = { "spatialforge:aws": { gpu: { maxInstances: 2 } }, "spatialforge:netrc": { secure: "v1:abc" } };
    const after = {
      "spatialforge:aws": { gpu: { maxInstances: 3, spot: true } },
      "spatialforge:netrc": { secure: "v1:def" },
      "spatialforge:list": [{ secure: "v1:ghi" }],
      "spatialforge:indexes": { python: "https://user:s3cr3t@index.example/simple" },
    };
    expect(changedSettings({ before, after })).toEqual([
      { key: "spatialforge:aws.gpu.maxInstances", before: "2", after: "3" },
      { key: "spatialforge:aws.gpu.spot", before: undefined, after: "true" },
      { key: "spatialforge:indexes.python", before: undefined, after: '"https://index.example/simple"' },
      { key: "spatialforge:list", before: undefined, after: "[secret]" },
      { key: "spatialforge:netrc", before: "[secret]", after: "[secret]" },
    ]);
  });
});

describe("a base ref", () => {
  it("that the repository does not have is an error", () => {
    expect(() => new BaseRef("no/such-ref")).toThrow(/--base no\/such-ref: the repository has no such commit/);
  });

  it.each([
    ["text instead of a section", "sample-app"],
    ["a repository that git cannot read", { repository: "/no/such/repository", ref: "main" }],
  ])("has no changed files for %s: the preview says what is wrong", async (_, app) => {
    const base = new BaseRef("HEAD");
    const [before, after] = [{ repository: "/no/such/repository", ref: "v1" }, app];
    vi.spyOn(base, "configs").mockReturnValue({
      before: { "spatialforge:app": before },
      after: { "spatialforge:app": after },
    });
    expect(await base.changedAppFiles("dev")).toEqual([]);
  });

  it("compares the files of two refs of a repository", async () => {
    const folder = mkdtempSync(join(tmpdir(), "preview-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@e.org", ...args]);
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
      git("add", "-A");
      git("commit", "-qm", text);
    };
    git("init", "-q");
    write("spatialforge/main.py", "old");
    git("tag", "v1");
    for (const file of ["spatialforge/main.py", "README.md", "static/new.html"]) write(file, "new");
    git("tag", "v2");
    const base = new BaseRef("HEAD");
    const app = (ref: string) => ({ "spatialforge:app": { repository: folder, ref } });
    vi.spyOn(base, "configs").mockReturnValue({ before: app("v1"), after: app("v2") });
    expect(await base.changedAppFiles("dev")).toEqual(["spatialforge/main.py", "static/new.html"]);
  });
});

describe("writeComment", () => {
  const github = new FakeGitHub();
  beforeEach(() => github.start());
  afterEach(() => github.stop());

  it("adds one comment per stack, and updates it with every push", async () => {
    const marker = "<!-- preview of the stack dev -->";
    github.add({ number: 7, comments: [...many((index) => `talk ${index}`), `talk of another author\n${marker}`] });
    for (const text of ["first", "second"]) {
      for (const stack of ["dev", "prod"]) await writeComment(github.repository, 7, stack, `${text} ${stack}`);
    }
    const written = github.issues[0].comments.filter((comment) => !comment.startsWith("talk"));
    expect(written.map((comment) => comment.split("\n")[0])).toEqual(["second dev", "second prod"]);
  });

  it("fails with the message of GitHub", async () => {
    github.failure = [403, "Resource not accessible by integration"];
    await expect(writeComment(github.repository, 7, "dev", "text")).rejects.toThrow(
      /GitHub refused .*403.*Resource not accessible by integration/,
    );
  });
});
