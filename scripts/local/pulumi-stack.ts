import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { SemVer } from "semver";
import { ROOT } from "../../stack/root";
import { useDockerContext } from "./docker-context";

export const STACK = "local";
const STACK_FILE = join(ROOT, `Pulumi.${STACK}.yaml`);
/** Folder of the state and of the passphrase. */
const STATE = join(ROOT, ".state");

/** The stack `local`, operated through the Pulumi CLI. */
export interface LocalStack {
  /** Runs a Pulumi command in the terminal. @returns the exit code of the command */
  run(...args: string[]): Promise<number>;
  outputs(): Outputs;
  /** Deletes the state of the stack. Call this after `destroy` only. */
  deleteState(): void;
  /**
   * Value of a `RandomPassword` resource in the state.
   * @param name - name of the resource
   * @throws Error if the state has no such resource, because the service is not running.
   */
  password(name: string): string;
}

export interface Outputs {
  url: string;
  release: string;
  images: Record<string, string>;
}

/**
 * Finds or installs the Pulumi CLI, creates the backend on the first run, and selects the stack.
 * @throws Error with the message of the CLI.
 */
export async function openStack(): Promise<LocalStack> {
  const cli = await findCli();
  useDockerContext(STACK);
  const env = { ...process.env, ...backend(), PULUMI_SKIP_UPDATE_CHECK: "true" };
  const common = ["--stack", STACK, "--cwd", ROOT];
  // Also before the first command: a run that was killed can leave a salt, which does not match a new passphrase.
  removeUnusedSalt();
  process.on("exit", removeUnusedSalt);
  const select = spawnSync(cli, ["stack", "select", STACK, "--create", "--cwd", ROOT, "--non-interactive"], {
    env,
    encoding: "utf8",
  });
  if (select.status !== 0) throw new Error(select.stderr.trim());
  const read = (...args: string[]): string => {
    const result = spawnSync(cli, [...args, ...common], { env, encoding: "utf8", maxBuffer: 1 << 28 });
    if (result.status !== 0) throw new Error(result.stderr.trim());
    return result.stdout;
  };
  return {
    run: (...args) =>
      new Promise((resolve, reject) => {
        // The terminal also sends Ctrl-C to the CLI, which then stops its operations and saves the state. This process waits for it.
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
        const child = spawn(cli, [...args, ...common], { env, stdio: "inherit" });
        child.once("error", reject);
        child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
      }),
    deleteState: () => {
      // A secret in the stack's settings file still needs the passphrase.
      rmSync(hasSecret() ? join(STATE, ".pulumi") : STATE, { recursive: true, force: true });
    },
    outputs: () => JSON.parse(read("stack", "output", "--json", "--show-secrets")) as Outputs,
    password: (name) => {
      const state = JSON.parse(read("stack", "export", "--show-secrets")) as State;
      const result = state.deployment.resources?.find(({ urn }) => urn.endsWith(name))?.outputs?.result;
      if (!result) throw new Error("The service is not running. Start it with `npm run up`.");
      return typeof result === "string" ? result : (JSON.parse(result.plaintext) as string);
    },
  };
}

interface State {
  deployment: { resources?: { urn: string; outputs?: { result?: string | { plaintext: string } } }[] };
}

/** The CLI on PATH if it is recent enough. Otherwise the version of the SDK, which is installed in `.cache/`. */
async function findCli(): Promise<string> {
  const version = new SemVer(sdkVersion);
  const onPath = await PulumiCommand.get({ version }).catch(() => undefined);
  if (onPath) return onPath.command;
  const root = join(ROOT, ".cache", "pulumi");
  if (!existsSync(root)) console.error(`Installing Pulumi ${version.version} in .cache/ ...`);
  const { command } = await PulumiCommand.install({ root, version });
  // The CLI finds its language plugins on PATH.
  process.env.PATH = dirname(command) + delimiter + process.env.PATH;
  return command;
}

/** Environment variables of a file backend and a random passphrase, both in the clone. */
function backend(): Record<string, string> {
  const file = join(STATE, "passphrase");
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600 });
  return { PULUMI_BACKEND_URL: `file://${STATE}`, PULUMI_CONFIG_PASSPHRASE: readFileSync(file, "utf8") };
}

/**
 * Removes Pulumi's `encryptionsalt` from the stack's settings file, unless a secret in that file needs it. Pulumi adds the salt to this
 * file when it runs an update, and has no option to store it elsewhere (https://github.com/pulumi/pulumi/issues/8408). The file is
 * committed, but the passphrase is different on each machine, so the salt must not be committed. The state includes the salt that it was
 * encrypted with, and Pulumi creates a new one for the next update, so the removed salt is not needed again.
 */
function removeUnusedSalt(): void {
  const text = readFileSync(STACK_FILE, "utf8");
  const withoutSalt = text.replace(/^encryptionsalt: .*\n/m, "");
  if (withoutSalt !== text && !hasSecret()) writeFileSync(STACK_FILE, withoutSalt);
}

/** Whether the stack's settings file contains a secret. */
const hasSecret = (): boolean => readFileSync(STACK_FILE, "utf8").includes("secure:");
