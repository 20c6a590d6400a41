import { spawn } from "node:child_process";

/** A command that ended: its output, and the time that it took in seconds. */
export interface Finished {
  output: string;
  seconds: number;
}

/**
 * Runs a command of the Docker CLI.
 * @throws Error with the end of its output if it fails
 */
export async function docker(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Finished> {
  const start = performance.now();
  const child = spawn("docker", args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`docker ${args[0]} failed:\n${output.split("\n").slice(-40).join("\n")}`);
  return { output, seconds: (performance.now() - start) / 1000 };
}

/** Removes the images of a repository and the whole build cache from the engine. Base images stay. */
export async function emptyEngine(repository: string): Promise<void> {
  const images = (await docker(["image", "ls", "-q", "--filter", `reference=${repository}`])).output;
  const ids = [...new Set(images.split("\n").filter(Boolean))];
  if (ids.length > 0) await docker(["image", "rm", "-f", ...ids]);
  await docker(["image", "prune", "-f"]);
  await docker(["builder", "prune", "-af"]);
}
