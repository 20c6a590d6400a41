import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { SemVer } from "semver";
import type { Gpu } from "../../stack/preflight/gpu";
import { ROOT } from "../../stack/root";
import { useDockerContext } from "./docker-context";
import { writeAtomically } from "./files";
import { identifyFolder, STATE } from "./folder";
import { isWorthPrinting } from "./progress";

export const STACK = "local";
const STACK_FILE = join(ROOT, `Pulumi.${STACK}.yaml`);

/** The stack `local`, operated through the Pulumi CLI. */
export interface LocalStack {
  name: string;
  /** Runs a Pulumi command in the terminal, with all its output. @returns the exit code of the command */
  run(...args: string[]): Promise<number>;
  /** Runs a Pulumi command that changes resources. Without a terminal, its output is shortened. @returns the exit code of the command */
  update(...args: string[]): Promise<number>;
  state(): State;
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
  gpu: Gpu;
}

export interface State {
  /** IDs of the resources. For containers and networks, they are those of Docker. For volumes, they are the names. */
  ids: ReadonlySet<string>;
  /** Number of operations that were interrupted. */
  pendingOperations: number;
}

/**
 * Finds or installs the Pulumi CLI, creates the backend on the first run, and selects the stack.
 * @throws Error with the message of the CLI.
 */
export async function openStack(): Promise<LocalStack> {
  identifyFolder();
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
  const readState = () => JSON.parse(read("stack", "export", "--show-secrets")) as ExportedState;
  const run = (args: string[], output: "all" | "short"): Promise<number> =>
    new Promise((resolve, reject) => {
      // The terminal also sends Ctrl-C to the CLI, which then stops its operations and saves the state. This process waits for it.
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
      const stdout = output === "all" || process.stdout.isTTY ? "inherit" : "pipe";
      const child = spawn(cli, [...args, ...common], { env, stdio: ["inherit", stdout, "inherit"] });
      if (child.stdout) {
        createInterface({ input: child.stdout }).on("line", (line) => isWorthPrinting(line) && console.log(line));
      }
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
    });
  return {
    name: STACK,
    run: (...args) => run(args, "all"),
    update: (...args) => run([...args, "--yes", "--skip-preview", "--suppress-outputs"], "short"),
    state: () => {
      const { resources = [], pending_operations: pending } = readState().deployment;
      return {
        ids: new Set(resources.flatMap(({ id }) => id ?? [])),
        pendingOperations: pending?.length ?? 0,
      };
    },
    deleteState: () => {
      // A secret in the stack's settings file still needs the passphrase.
      const files = hasSecret() ? [join(STATE, ".pulumi"), join(STATE, "folder")] : [STATE];
      for (const file of files) rmSync(file, { recursive: true, force: true });
    },
    outputs: () => JSON.parse(read("stack", "output", "--json", "--show-secrets")) as Outputs,
    password: (name) => {
      const result = readState().deployment.resources?.find(({ urn }) => urn.endsWith(name))?.outputs?.result;
      if (!result) throw new Error("The service is not running. Start it with `npm run up`.");
      return typeof result === "string" ? result : (JSON.parse(result.plaintext) as string);
    },
  };
}

interface ExportedState {
  deployment: {
    resources?: { urn: string; id?: string; outputs?: { result?: string | { plaintext: string } } }[];
    pending_operations?: object[] | null;
  };
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
  if (!existsSync(file)) writeAtomically(file, randomBytes(32).toString("base64url"));
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
