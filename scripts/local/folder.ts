import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";
import { writeAtomically } from "./files";

/** Folder of the state, the passphrase, and the folder in which the service was created. */
export const STATE = join(ROOT, ".state");

const folderFile = (root: string): string => join(root, ".state", "folder");

/**
 * Sets SPATIALFORGE_FOLDER to the folder in which the service of this clone was created. Labels contain this folder, so the service is still
 * found after the clone was moved or renamed, and its containers are not replaced.
 * @throws Error if this clone is a copy: then the service belongs to the original.
 */
export function identifyFolder(): void {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const file = folderFile(ROOT);
  if (!existsSync(file)) writeAtomically(file, ROOT);
  const created = readFileSync(file, "utf8");
  if (created !== ROOT && existsSync(folderFile(created)) && readFileSync(folderFile(created), "utf8") === created) {
    throw new Error(
      `This folder is a copy of ${created}, and its state in .state/ belongs to the service of that folder. ` +
        "Delete .state/ in this folder, and run the command again.",
    );
  }
  process.env.SPATIALFORGE_FOLDER = created;
}
