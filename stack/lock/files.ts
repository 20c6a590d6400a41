import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isLockFile } from "./groups";

/** The texts of the files of a lock, by name. Empty if the folder does not exist. */
export function readLockFiles(folder: string): Record<string, string> {
  const names = existsSync(folder) ? readdirSync(folder).filter(isLockFile).sort() : [];
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
