import { execFileSync, spawnSync } from "node:child_process";

/** Runs docker; its output. @throws Error with what it said when it fails. */
export const docker = (...args: string[]): string =>
  execFileSync("docker", args, { encoding: "utf8", maxBuffer: 1 << 28 }).trim();

/** Runs docker; exit code and all that it said. */
export function dockerStatus(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

/** Waits until a condition holds. @throws Error that names it when it does not in time. */
export async function until(what: string, seconds: number, condition: () => unknown | Promise<unknown>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((next) => setTimeout(next, 300));
  }
}
