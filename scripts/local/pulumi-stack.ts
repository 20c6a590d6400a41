import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Gpu } from "../../stack/preflight/gpu";
import { ROOT } from "../../stack/root";
import { findCli, runCli } from "./cli";
import { useDockerContext } from "./docker-context";
import { writeAtomically } from "./files";
import { identifyService, STATE } from "./identity";
import { hasSecret, removeUnusedSalt } from "./settings-file";

export const STACK = "local";

/** The stack `local`, operated through the Pulumi CLI. */
export interface LocalStack {
  name: string;
  /** Runs a Pulumi command in the terminal, with all its output. @returns the exit code of the command */
  run(...args: string[]): Promise<number>;
  /** Runs a Pulumi command that changes resources. Without a terminal, its output is shortened. @returns the exit code of the command */
  update(...args: string[]): Promise<number>;
  state(): State;
  outputs(): Outputs;
  /** The configuration in the namespace `spatialforge`, with secrets, by key without the namespace. */
  config(): Record<string, string>;
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
  identifyService();
  const cli = await findCli();
  useDockerContext(STACK);
  const env = { ...process.env, ...backend(), PULUMI_SKIP_UPDATE_CHECK: "true" };
  const common = ["--stack", STACK, "--cwd", ROOT];
  // Also before the first command: a run that was killed can leave a salt, which does not match a new passphrase.
  removeUnusedSalt(STACK);
  process.on("exit", () => removeUnusedSalt(STACK));
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
  const run = (args: string[], output: "all" | "short") => runCli(cli, [...args, ...common], env, output);
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
      const files = hasSecret(STACK) ? [join(STATE, ".pulumi"), join(STATE, "service.json")] : [STATE];
      for (const file of files) rmSync(file, { recursive: true, force: true });
    },
    outputs: () => JSON.parse(read("stack", "output", "--json", "--show-secrets")) as Outputs,
    config: () => {
      const entries = Object.entries(
        JSON.parse(read("config", "--json", "--show-secrets")) as Record<string, { value?: string }>,
      );
      return Object.fromEntries(entries.map(([key, { value = "" }]) => [key.replace("spatialforge:", ""), value]));
    },
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

/** Environment variables of a file backend and a random passphrase, both in the clone. */
function backend(): Record<string, string> {
  const file = join(STATE, "passphrase");
  if (!existsSync(file)) writeAtomically(file, randomBytes(32).toString("base64url"));
  return { PULUMI_BACKEND_URL: `file://${STATE}`, PULUMI_CONFIG_PASSPHRASE: readFileSync(file, "utf8") };
}
