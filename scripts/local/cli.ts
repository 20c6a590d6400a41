import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { parse as parseVersion, SemVer } from "semver";
import { ROOT } from "../../stack/root";
import { Salt } from "./salt";

export const STACK = "local";
/** Folder of the state, relative to the clone. */
const STATE = ".state";

/** The tested Pulumi CLI: what is brought if PATH has none, and the oldest that will do. */
const PULUMI = "3.259.0";

/** The stack `local` through the Pulumi CLI. */
export interface LocalStack {
  /** Runs a command on the terminal; its exit code. */
  run(...args: string[]): Promise<number>;
  outputs(): Promise<Outputs>;
  /** Removes what the stack keeps in the clone; for a stack that is destroyed. */
  forget(): void;
  /** The value of a secret resource of the state, as `RandomPassword` has them. */
  password(name: string): Promise<string>;
}

export interface Outputs {
  url: string;
  release: string;
  images: Record<string, string>;
}

/** Finds or brings the CLI, makes the file backend and its passphrase on the first run, and selects the stack. */
export async function openStack(): Promise<LocalStack> {
  const cli = await findCli();
  useDockerContext();
  const env = { ...process.env, ...backend(), PULUMI_SKIP_UPDATE_CHECK: "true" };
  const common = ["--stack", STACK, "--cwd", ROOT];
  const salt = new Salt(join(ROOT, `Pulumi.${STACK}.yaml`), join(ROOT, STATE, "salt"));
  salt.insert();
  process.on("exit", () => salt.remove());
  const selected = spawnSync(cli, ["stack", "select", STACK, "--create", "--cwd", ROOT, "--non-interactive"], {
    env,
    encoding: "utf8",
  });
  if (selected.status !== 0) throw new Error(selected.stderr.trim());
  const read = (...args: string[]): string => {
    const result = spawnSync(cli, [...args, ...common], { env, encoding: "utf8", maxBuffer: 1 << 28 });
    if (result.status !== 0) throw new Error(result.stderr.trim());
    return result.stdout;
  };
  return {
    run: (...args) =>
      new Promise((done, fail) => {
        // Ctrl-C reaches the CLI by the terminal: it ends what it does and keeps the state.
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
        const child = spawn(cli, [...args, ...common], { env, stdio: "inherit" });
        child.once("error", fail);
        child.once("exit", (code, signal) => done(code ?? (signal === "SIGINT" ? 130 : 1)));
      }),
    forget: () => {
      salt.remove();
      // A secret in the stack's file needs the passphrase again.
      rmSync(join(ROOT, STATE, salt.isNeeded() ? ".pulumi" : ""), { recursive: true, force: true });
    },
    outputs: async () => JSON.parse(read("stack", "output", "--json", "--show-secrets")) as Outputs,
    password: async (name) => {
      const state = JSON.parse(read("stack", "export", "--show-secrets")) as State;
      const found = state.deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs?.result;
      if (!found) throw new Error("the service does not run: start it with `npm run up`");
      return typeof found === "string" ? found : (JSON.parse(found.plaintext) as string);
    },
  };
}

interface State {
  deployment: { resources?: { urn: string; outputs?: { result?: string | { plaintext: string } } }[] };
}

async function findCli(): Promise<string> {
  const found = spawnSync("pulumi", ["version"], { encoding: "utf8" });
  const version = found.status === 0 ? parseVersion(found.stdout.trim()) : null;
  if (version && version.compare(PULUMI) >= 0) return "pulumi";
  const root = join(ROOT, ".cache", "pulumi");
  const cli = join(root, "bin", "pulumi");
  if (!existsSync(cli)) {
    console.log(`Bringing Pulumi ${PULUMI} into .cache/ ...`);
    await PulumiCommand.install({ root, version: new SemVer(PULUMI) });
  }
  process.env.PATH = `${join(root, "bin")}:${process.env.PATH}`;
  return cli;
}

/** A backend of files and a random passphrase, both inside the clone. */
function backend(): Record<string, string> {
  const folder = join(ROOT, STATE);
  const file = join(folder, "passphrase");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600 });
  return { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: readFileSync(file, "utf8") };
}

/** Names the engine of the current Docker context in the environment: neither Pulumi's provider nor our own calls read contexts. */
function useDockerContext(): void {
  if (process.env.DOCKER_HOST) return;
  const context = spawnSync("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], {
    encoding: "utf8",
  });
  if (context.status === 0 && context.stdout.trim()) process.env.DOCKER_HOST = context.stdout.trim();
}
