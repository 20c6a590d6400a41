import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";
import type { BaseRef } from "./base-ref";

/** Endings of the files of a group: locked wheels, and packages from git and from source distributions. */
const ENDINGS = [".txt", ".cpu.txt", ".git.txt", ".source.txt"];

/** The packages of a group whose versions differ, as in `stripe 16.0.0 → 16.1.0`. @param lock - name of the folder in images/locks */
export function changedPins(base: BaseRef, lock: string, group: string): string[] {
  const files = ENDINGS.map((ending) => join("images", "locks", lock, group + ending));
  const before = pinsIn(files.map((file) => base.read(file)));
  const after = pinsIn(
    files.map((file) => (existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), "utf8") : "")),
  );
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name} ${before.get(name) ?? "(new)"} → ${after.get(name) ?? "(removed)"}`);
}

/** The versions of each package: several, if they differ by Python version or machine. */
function pinsIn(texts: string[]): Map<string, string> {
  const pins = new Map<string, string>();
  for (const [, name, version] of texts.join("\n").matchAll(/^([\w.-]+)==([^\s;\\]+)/gm)) {
    const other = pins.get(name);
    pins.set(name, other && other !== version ? `${other}, ${version}` : version);
  }
  return pins;
}
