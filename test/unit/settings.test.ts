import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { describe as message, parseSettings } from "../../stack/settings/parse";
import { ROOT } from "../../stack/root";
import { settingsSchema } from "../../stack/settings/schema";

interface Case {
  it: string;
  values: Record<string, string>;
  /** The key that the error names. */
  key: string;
  /** What the error says. */
  says: RegExp;
  stack?: string;
}

const CASES: Case[] = [
  { it: "a misspelt key", values: { prot: "9000" }, key: "prot", says: /did you mean port\?/ },
  {
    it: "a key that is like no other",
    values: { kubernetes: "1" },
    key: "kubernetes",
    says: /the settings are|did you mean/,
  },
  {
    it: "a misspelt key of bases",
    values: { bases: '{"gpuu":"x"}' },
    key: "bases.gpuu",
    says: /did you mean bases\.gpu\?/,
  },
  {
    it: "a misspelt key of indexes",
    values: { indexes: '{"pyton":"x"}' },
    key: "indexes.pyton",
    says: /did you mean indexes\.python\?/,
  },
  { it: "a platform that does not exist", values: { platform: "podman" }, key: "platform", says: /docker.*aws/ },
  { it: "an empty platform", values: { platform: "" }, key: "platform", says: /docker.*aws/ },
  { it: "a port that is a word", values: { port: "http" }, key: "port", says: /number/ },
  { it: "a port with a fraction", values: { port: "80.5" }, key: "port", says: /int/ },
  { it: "a port that needs root", values: { port: "80" }, key: "port", says: /needs root/ },
  { it: "a port that is too large", values: { port: "65536" }, key: "port", says: /at most 65535/ },
  { it: "a negative port", values: { port: "-1" }, key: "port", says: /1024/ },
  { it: "a registry port that needs root", values: { registryPort: "443" }, key: "registryPort", says: /needs root/ },
  { it: "one port for two", values: { port: "5001" }, key: "registryPort", says: /API's port too/ },
  { it: "a gpu mode that does not exist", values: { gpu: "maybe" }, key: "gpu", says: /auto.*required.*off/ },
  { it: "gpu as a truth value", values: { gpu: "true" }, key: "gpu", says: /auto.*required.*off/ },
  { it: "an app as a text", values: { app: "sample-app" }, key: "app", says: /spatialforge:app\.path/ },
  {
    it: "an app with a path and a repository",
    values: { app: '{"path":"a","repository":"b","ref":"c"}' },
    key: "app",
    says: /either a path/,
  },
  { it: "an app with a path and a ref", values: { app: '{"path":"a","ref":"c"}' }, key: "app", says: /either a path/ },
  { it: "a repository without a ref", values: { app: '{"repository":"b"}' }, key: "app", says: /together with a ref/ },
  { it: "a ref without a repository", values: { app: '{"ref":"b"}' }, key: "app", says: /together with a ref/ },
  { it: "an empty path", values: { app: '{"path":""}' }, key: "app", says: /app\.path/ },
  { it: "an app that is empty", values: { app: "{}" }, key: "app", says: /either a path/ },
  { it: "a release with a space", values: { release: "a b c" }, key: "release", says: /`release` output/ },
  { it: "a release in capitals", values: { release: "RELEASE-1" }, key: "release", says: /`release` output/ },
  { it: "an empty base", values: { bases: '{"cpu":""}' }, key: "bases.cpu", says: /1 character|>=1/ },
  { it: "bases as a text", values: { bases: "python:3.12" }, key: "bases", says: /object/ },
  {
    it: "an index that is no URL",
    values: { indexes: '{"python":"mirror"}' },
    key: "indexes.python",
    says: /http\(s\) URL/,
  },
  {
    it: "an index of files",
    values: { indexes: '{"python":"file:///x"}' },
    key: "indexes.python",
    says: /http\(s\) URL/,
  },
  {
    it: "credentials in an index",
    values: { indexes: '{"torchCpu":"https://me:pw@host/simple"}' },
    key: "indexes.torchCpu",
    says: /without credentials/,
  },
  { it: "a timeout of nothing", values: { healthTimeout: "0" }, key: "healthTimeout", says: />=10/ },
  { it: "a timeout of days", values: { healthTimeout: "100000" }, key: "healthTimeout", says: /<=3600/ },
  {
    it: "a variable with a dash",
    values: { env: '{"my-name":"1"}' },
    key: "env.my-name",
    says: /capital letters|Invalid key/,
  },
  {
    it: "a variable that the stack sets",
    values: { env: '{"REDIS_URL":"redis://x"}' },
    key: "env.REDIS_URL",
    says: /remove it/,
  },
  {
    it: "a secret in plain text",
    values: { env: '{"STRIPE_SECRET_KEY":"sk"}' },
    key: "env.STRIPE_SECRET_KEY",
    says: /config set --secret/,
  },
  {
    it: "demo mode on prod",
    values: { env: '{"DEMO_MODE":"true"}' },
    key: "env.DEMO_MODE",
    says: /never true in production/,
    stack: "prod",
  },
  {
    it: "research mode on prod",
    values: { env: '{"RESEARCH_MODE":1}' },
    key: "env.RESEARCH_MODE",
    says: /never true in production/,
    stack: "prod",
  },
  {
    it: "every origin on prod, among others",
    values: { env: '{"ALLOWED_ORIGINS":"https://a.example.org, *"}' },
    key: "env.ALLOWED_ORIGINS",
    says: /names its origins/,
    stack: "prod",
  },
  {
    it: "every origin on prod",
    values: { env: '{"ALLOWED_ORIGINS":"[\\"*\\"]"}' },
    key: "env.ALLOWED_ORIGINS",
    says: /names its origins/,
    stack: "prod",
  },
];

describe("bad settings", () => {
  it.each(CASES)("$it", ({ values, key, says, stack = "local" }) => {
    const { problems } = parseSettings({ values, stack });
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(problems[0].remedy).toMatch(says);
  });

  it("are all listed at once, with key and value", () => {
    const { problems } = parseSettings({ values: { prot: "1", port: "80", gpu: "maybe" }, stack: "local" });
    const text = message(problems, "local");
    expect(text).toContain("3 problems, nothing was changed");
    for (const line of ["spatialforge:prot = 1", "spatialforge:port = 80", "spatialforge:gpu = maybe"])
      expect(text).toContain(line);
  });

  it("never show a secret", () => {
    const { problems } = parseSettings({
      values: { env: '{"my-name":"hunter2"}' },
      secret: new Set(["env"]),
      stack: "local",
    });
    expect(message(problems, "local")).not.toContain("hunter2");
  });
});

describe("good settings", () => {
  it("may be none at all", () => {
    const { settings, problems } = parseSettings({ values: {}, stack: "local" });
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({ platform: "docker", port: 8000, app: { path: "sample-app" } });
  });

  it("may hold a secret variable, a number and a release that looks like one", () => {
    const values = { env: '{"STRIPE_SECRET_KEY":"sk","WORKERS":2}', release: "123456" };
    const { settings, problems } = parseSettings({ values, secret: new Set(["env"]), stack: "prod" });
    expect(problems).toEqual([]);
    expect(settings?.env.WORKERS).toBe("2");
    expect(settings?.release).toBe("123456");
  });
});

it("Pulumi.yaml describes every setting as the schema does, with the same default", () => {
  const described = (
    parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) as {
      config: Record<string, { description: string; default: unknown }>;
    }
  ).config;
  const defaults = settingsSchema.parse({}) as Record<string, unknown>;
  const expected = Object.fromEntries(
    Object.entries(settingsSchema.shape).map(([key, schema]) => [
      key,
      { description: schema.description, default: defaults[key] },
    ]),
  );
  expect(described).toEqual(expected);
});
