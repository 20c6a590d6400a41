import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { execOnAws } from "../../scripts/exec/aws";
import type { ExecArgs } from "../../scripts/exec/exec-args";
import { execOnDocker } from "../../scripts/exec/local";
import { openStack } from "../../scripts/operate/stack";
import { LABELS } from "../../stack/clients/docker";
import { denied, fakeAws, type AwsAnswer } from "../harness/fake-aws";
import { fakeEngine } from "../harness/fake-engine";

const TASK = "0123456789abcdef0123456789abcdef";
const SESSION = { sessionId: "s-1", streamUrl: "wss://example.org", tokenValue: "the token" };

/** A folder on the PATH with programs that record their arguments. */
const folder = mkdtempSync(join(tmpdir(), "spatialforge-exec-"));
const record = join(folder, "record");

beforeAll(() => {
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Puts a program on the PATH. It writes its arguments and the session in its environment to a file, and exits with 7. */
function program(name: string, version: string): void {
  const file = join(folder, name);
  const script = `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; exit 0; fi
printf '%s\\n' "$@" "session=$AWS_SSM_START_SESSION_RESPONSE" > ${record}
exit 7
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

const recorded = (): string[] => readFileSync(record, "utf8").trimEnd().split("\n");

/** A task as ECS describes it, with the state of the agent of ECS Exec. */
const task = (agent: object, more: object = {}) => ({
  taskArn: `arn:aws:ecs:us-east-1:123456789012:task/spatialforge-dev/${TASK}`,
  lastStatus: "RUNNING",
  enableExecuteCommand: true,
  containers: [{ name: "api", runtimeId: `${TASK}-1`, managedAgents: [{ name: "ExecuteCommandAgent", ...agent }] }],
  ...more,
});

/** Runs a command on a stack with ECS Exec. @param answers - of AWS, besides those of a stack that works */
async function exec(args: Partial<ExecArgs> = {}, answers: Record<string, AwsAnswer> = {}, aws: object = {}) {
  vi.stubEnv("PATH", `${folder}:/usr/bin:/bin`);
  await fakeAws({
    DescribeServices: { services: [{ serviceName: "api", status: "ACTIVE" }] },
    ListTasks: { taskArns: [`task/${TASK}`] },
    DescribeTasks: { tasks: [task({ lastStatus: "RUNNING" })] },
    ExecuteCommand: { session: SESSION },
    ...answers,
  });
  const credentials = join(folder, "credentials");
  writeFileSync(credentials, "[operators]\naws_access_key_id = test\naws_secret_access_key = test\n");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", credentials);
  vi.stubEnv("AWS_PROFILE", "operators");
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
  const stack = await openStack("dev");
  const settings = { ...stack.settings, aws: { ...stack.settings.aws, ecsExec: true, ...aws } };
  return execOnAws({ ...stack, settings }, { role: "api", command: [], ...args });
}

describe("ECS Exec", () => {
  it("without the plugin says how to get it", async () => {
    rmSync(join(folder, "session-manager-plugin"), { force: true });
    await expect(exec()).rejects.toThrow(
      "The Session Manager plugin is not installed (session-manager-plugin). ECS Exec requires it. To install it, see https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html.",
    );
  });

  it("passes the session in the environment, because other users can read arguments, and returns the exit code", async () => {
    program("session-manager-plugin", "1.2.707.0");
    expect(await exec({ command: ["python", "-c", "print('a b')"] })).toBe(7);
    const [session, region, operation, profile, request, endpoint, variable] = recorded();
    expect([session, operation, profile]).toEqual(["AWS_SSM_START_SESSION_RESPONSE", "StartSession", "operators"]);
    expect(region).toMatch(/^test-\d+$/);
    expect(JSON.parse(request)).toEqual({ Target: `ecs:spatialforge-dev_${TASK}_${TASK}-1` });
    expect(endpoint).toBe(`https://ssm.${region}.amazonaws.com`);
    const expected = { SessionId: "s-1", StreamUrl: "wss://example.org", TokenValue: "the token" };
    expect(JSON.parse(variable.replace("session=", ""))).toEqual(expected);
  });

  it("passes the session as an argument to a plugin that reads only arguments", async () => {
    program("session-manager-plugin", "1.2.497.0");
    await exec();
    expect(JSON.parse(recorded()[0])).toMatchObject({ SessionId: "s-1", TokenValue: "the token" });
  });

  it("runs a shell, or a command whose arguments are quoted", async () => {
    program("session-manager-plugin", "1.2.707.0");
    const commands: string[] = [];
    const ExecuteCommand = (input: { command: string }) => {
      commands.push(input.command);
      return { session: SESSION };
    };
    await exec({}, { ExecuteCommand });
    await exec({ command: ["sh", "-c", "echo it's"] }, { ExecuteCommand });
    expect(commands).toEqual(["/bin/sh", `sh -c 'echo it'\\''s'`]);
  });

  it.each<[string, Partial<ExecArgs>, Record<string, AwsAnswer>, object, RegExp]>([
    [
      "the setting is off",
      {},
      {},
      { ecsExec: false },
      /^aws\.ecsExec is false\. To enable ECS Exec, run `pulumi config set --stack dev --path spatialforge:aws\.ecsExec true` and `pulumi up --stack dev`, which replaces all tasks\.$/,
    ],
    [
      "the role is unknown",
      { role: "wroker" },
      {},
      {},
      /^ROLE wroker: there is no such role\. Use one of: api, worker, beat\.$/,
    ],
    [
      "the service does not exist",
      {},
      { DescribeServices: { services: [] } },
      {},
      /has no service api\. Deploy the stack with `pulumi up --stack dev`\.$/,
    ],
    [
      "no task runs",
      {},
      { ListTasks: { taskArns: [] } },
      {},
      /^ROLE api: no task of api is running\. .*`npm run status -- --stack dev`\.$/,
    ],
    [
      "the task is unknown",
      { task: "ff" },
      {},
      {},
      /^--task ff: no task of api has an ID that starts with it\. Use one of: 01234567\.$/,
    ],
    [
      "the task is older than the setting",
      {},
      { DescribeTasks: { tasks: [task({}, { enableExecuteCommand: false })] } },
      {},
      /^task 0123\w+ was started without ECS Exec\. To enable/,
    ],
    [
      "the agent does not run",
      {},
      { DescribeTasks: { tasks: [task({ lastStatus: "STOPPED", reason: "no route to ssmmessages" })] } },
      {},
      /^task 0123\w+: the agent of ECS Exec is STOPPED \(no route to ssmmessages\)\. Try again/,
    ],
    [
      "a permission is missing",
      {},
      { ExecuteCommand: denied("ecs:ExecuteCommand") },
      {},
      /^ECS Exec: the permission ecs:ExecuteCommand is missing\. Ask for it, or use another role \(AWS_PROFILE\)\.$/,
    ],
    [
      "a permission is missing, and a KMS key encrypts sessions",
      {},
      { ExecuteCommand: denied("ecs:ExecuteCommand") },
      { customerManagedKey: true },
      /kms:GenerateDataKey on this key is required too\.$/,
    ],
  ])("says what is missing if %s", async (_, args, answers, aws, message) => {
    program("session-manager-plugin", "1.2.707.0");
    await expect(exec(args, answers, aws)).rejects.toThrow(message);
  });
});

describe("on this machine", () => {
  const ID = "fedcba9876543210";

  /** Runs a command in the container of the API. @param State - of the container */
  async function execLocally(
    args: Partial<ExecArgs>,
    { State = { Running: true }, ...answers }: Record<string, object> = {},
  ) {
    vi.stubEnv("PATH", `${folder}:/usr/bin:/bin`);
    program("docker", "");
    vi.stubEnv("SPATIALFORGE_ID", "1");
    await fakeEngine({
      "/_ping": Buffer.from("OK"),
      "/containers/json": [{ Id: ID, Labels: { [LABELS.service]: "api" } }],
      [`/containers/${ID}/json`]: { Id: ID, State },
      ...answers,
    });
    const stack = await openStack("local");
    return execOnDocker({ ...stack, name: "test" }, { role: "api", command: [], ...args });
  }

  it("runs a command with the Docker CLI, and returns its exit code", async () => {
    expect(await execLocally({ command: ["python", "--version"] })).toBe(7);
    expect(recorded().slice(0, -1)).toEqual(["exec", "-i", ID, "python", "--version"]);
  });

  it("opens a shell, or says that the image has none", async () => {
    await execLocally({}, { [`/containers/${ID}/archive`]: Buffer.from("x") });
    expect(recorded().slice(0, -1)).toEqual(["exec", "-i", ID, "/bin/sh"]);
    await expect(execLocally({})).rejects.toThrow(/^api: the image has no shell\. Set spatialforge:shell to true/);
  });

  it("says what is missing", async () => {
    await expect(execLocally({ role: "apo" })).rejects.toThrow("ROLE apo: there is no such role. Use one of: api.");
    await expect(execLocally({}, { State: { Running: false } })).rejects.toThrow(
      "ROLE api: the container is not running. To see why, run `npm run status -- --stack test`.",
    );
    await expect(execLocally({}, { "/containers/json": [] })).rejects.toThrow(
      "--stack test: the service is not running on this machine. Start it with `npm run up`.",
    );
  });
});
