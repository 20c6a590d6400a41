import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Changes a line of code, as a commit does. Each call makes another change. */
export function changeCode(context: string, module: string): void {
  appendFileSync(join(context, module), `\nBENCHMARK = ${performance.now()}\n`);
}

/**
 * Locks another version of a package, without its dependencies: the lock of the package changes, and nothing else.
 * @param requirement - as in `stripe==16.0.0`
 * @throws Error if no lock file of the context has the package
 */
export function changePackage(context: string, requirement: string): void {
  const name = requirement.split("==")[0];
  const file = lockFilesIn(context).find((path) => readFileSync(path, "utf8").includes(`\n${name}==`));
  if (!file) throw new Error(`no lock file below ${context} has ${name}`);
  const options = ["pip", "compile", "-q", "--no-deps", "--no-header", "--no-annotate", "--generate-hashes"];
  const pin = execFileSync("uv", [...options, "--python-version", "3.12", "-"], { input: requirement }).toString();
  // A pin is a line that ends in a backslash, followed by indented lines with its hashes.
  const oldPin = new RegExp(`(?<=\\n)${name}==.*\\n(?: .*\\n)*`);
  writeFileSync(file, readFileSync(file, "utf8").replace(oldPin, pin));
}

function lockFilesIn(context: string): string[] {
  const locks = join(context, "locks");
  const folder = existsSync(locks) ? locks : context;
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("requirements.txt"))
    .map((name) => join(folder, name));
}
