import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { SemVer } from "semver";
import { ROOT } from "../../stack/root";
import { isWorthPrinting } from "./progress";

/** The CLI on PATH if it is recent enough. Otherwise the version of the SDK, which is installed in `.cache/`. */
export async function findCli(): Promise<string> {
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

/**
 * Runs the Pulumi CLI in the terminal, and waits until it has finished.
 * @param output - `short`: without a terminal, print only the lines that are worth printing
 * @returns the exit code of the command
 */
export function runCli(cli: string, args: string[], env: NodeJS.ProcessEnv, output: "all" | "short"): Promise<number> {
  return new Promise((resolve, reject) => {
    // The terminal also sends Ctrl-C to the CLI, which then stops its operations and saves the state. This process waits for it.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
    const stdout = output === "all" || process.stdout.isTTY ? "inherit" : "pipe";
    const child = spawn(cli, args, { env, stdio: ["inherit", stdout, "inherit"] });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => isWorthPrinting(line) && console.log(line));
    }
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}
