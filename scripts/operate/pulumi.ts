import { spawn } from "node:child_process";
import { ROOT } from "../../stack/root";
import { findCli } from "../local/cli";

export interface PulumiResult {
  code: number;
  /** Error output. It was also printed. */
  errors: string;
}

/** Runs the Pulumi CLI on a stack, in the terminal, and waits until it has finished. */
export async function runPulumi(stack: string, ...args: string[]): Promise<PulumiResult> {
  const cli = await findCli();
  // The terminal also sends Ctrl-C to the CLI, which then stops its operations and saves the state. This process waits for it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  return new Promise((resolve, reject) => {
    const child = spawn(cli, [...args, "--stack", stack, "--cwd", ROOT], { stdio: ["inherit", "inherit", "pipe"] });
    let errors = "";
    child.stderr.on("data", (data: Buffer) => {
      errors += data.toString();
      process.stderr.write(data);
    });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? (signal === "SIGINT" ? 130 : 1), errors }));
  });
}

/** Messages of the backends for a stack that is being updated: the file backends, and Pulumi Cloud. */
const LOCKED = /the stack is currently locked by|Another update is currently in progress|\[409\] Conflict/;

/**
 * One sentence for the error of a stack that is being updated, with who holds the lock if the backend says it, and the remedy. Undefined for
 * any other error.
 */
export function lockProblem(stack: string, errors: string): string | undefined {
  if (!LOCKED.test(errors)) return undefined;
  const [, owner] = /created by (\S+ \(pid \d+\) at \S+)/.exec(errors) ?? [];
  return (
    `${stack} is being updated${owner ? ` by ${owner}` : ""}: wait until that update has finished. ` +
    `If no update is running, remove the lock with \`pulumi cancel --stack ${stack}\`.`
  );
}
