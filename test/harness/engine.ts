import { execFileSync, spawnSync } from "node:child_process";

/** Runs a Docker command and returns its output. @throws Error with the error output if the command fails. */
export const docker = (...args: string[]): string =>
  execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] }).trim();

/** Runs a Docker command and returns its exit code, and its output together with its error output. */
export function dockerStatus(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

/** Waits until a condition is true. @throws Error with the description if the condition is still false after some seconds. */
export async function until(description: string, seconds: number, condition: () => unknown): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
