import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lockFileNames, type Group } from "../../stack/lock/groups";
import { ROOT } from "../../stack/root";
import type { BaseRef } from "./base-ref";

/** The packages of a group whose versions differ, as in `stripe 16.0.0 → 16.1.0`. @param lock - name of the folder in images/locks */
export function changedPins(base: BaseRef, lock: string, group: Group): string[] {
  const files = lockFileNames(group).map((name) => join("images", "locks", lock, name));
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
