import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it, vi } from "vitest";
import { awsProblem } from "../../scripts/operate/aws-problem";
import { EXIT, runCommand, UserError, type Command } from "../../scripts/operate/command";
import { openStack } from "../../scripts/operate/stack";
import { stackName } from "../../stack/pulumi/stack-name";

/** Runs a command with arguments. Returns what it printed, and its exit code. */
async function run(args: string[], command: Partial<Command> = {}) {
  const printed = { out: "", err: "" };
  vi.stubGlobal("process", { ...process, argv: ["node", "command.ts", ...args], exitCode: undefined });
  vi.spyOn(console, "log").mockImplementation((text: string) => void (printed.out += text));
  vi.spyOn(console, "error").mockImplementation((text: string) => void (printed.err += text));
  await runCommand({ usage: "Usage: npm run it", run: () => Promise.resolve(EXIT.ok), ...command });
  return { ...printed, code: process.exitCode };
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("a command that operates a stack", () => {
  it("prints its usage with --help", async () => {
    expect(await run(["--help"])).toEqual({ out: "Usage: npm run it", err: "", code: EXIT.ok });
  });

  it.each([
    [[], [], "missing: --stack NAME"],
    [["--stack", "dev", "x"], ["[ID]", "MORE"], "missing: MORE"],
    [["--stack", "dev", "x", "y"], ["ID"], "unexpected argument: y"],
    [["--stack", "dev", "--what"], [], "'--what'"],
  ])("names what is wrong with the arguments %j, and prints its usage", async (args, positionals, message) => {
    const { err, code } = await run(args, { positionals });
    expect(err).toContain(message);
    expect(err).toContain("Usage: npm run it");
    expect(code).toBe(EXIT.usage);
  });

  it("returns the exit code of the command", async () => {
    expect((await run(["--stack", "dev"], { run: () => Promise.resolve(EXIT.notOk) })).code).toBe(EXIT.notOk);
  });

  it("prints an error without the credentials of its URLs, and without the usage", async () => {
    const error = new UserError("https://user:secret@example.org does not answer");
    const { err } = await run(["--stack", "dev"], { run: () => Promise.reject(error) });
    expect(err).toBe("https://example.org does not answer");
  });
});

describe("an error of AWS", () => {
  it.each([
    [
      "AccessDeniedException",
      "User x is not authorized to perform: ecs:DescribeServices.",
      /ecs:DescribeServices\. To fix this, ask for this permission/,
    ],
    ["CredentialsProviderError", "Could not load credentials", /To fix this, sign in/],
    ["ClusterNotFoundException", "Cluster not found.", /the stack is not deployed/],
  ])("%s has a remedy", (name, message, expected) => {
    expect(awsProblem(Object.assign(new Error(message), { name }))).toMatch(expected);
  });

  it("of another kind stays as it is", () => {
    expect(awsProblem(new Error("no such thing"))).toBe("no such thing");
  });
});

describe("a stack", () => {
  it("is opened by its settings file, and is then the stack of the program's functions", async () => {
    vi.stubEnv("AWS_REGION", "us-east-1");
    const { settings, awsName } = await openStack("dev");
    expect(awsName).toBe("spatialforge-dev");
    expect(stackName()).toBe("spatialforge-dev");
    expect(settings.aws.worker.maxTasks).toBe(1);
    expect(new pulumi.Config("spatialforge").get("platform")).toBe("aws");
  });

  it("that does not exist is an error that names those that do", async () => {
    await expect(openStack("prd")).rejects.toThrow("there is no Pulumi.prd.yaml. Use one of: dev, local, prod.");
  });

  it("on AWS without a region is an error", async () => {
    for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) vi.stubEnv(name, "");
    await expect(openStack("dev")).rejects.toThrow("pulumi config set aws:region us-east-1 --stack dev");
  });
});
