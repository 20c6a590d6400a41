import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";
import { writeAtomically } from "./files";

/** Folder of the state, the passphrase, and the identity of the service. */
export const STATE = join(ROOT, ".state");

interface Identity {
  id: string;
  /** Folder in which the service was created. */
  folder: string;
}

const identityFile = (root: string): string => join(root, ".state", "service.json");

const read = (root: string): Identity | undefined =>
  existsSync(identityFile(root)) ? (JSON.parse(readFileSync(identityFile(root), "utf8")) as Identity) : undefined;

/**
 * Sets SPATIALFORGE_ID and SPATIALFORGE_FOLDER to the identity of the service of this clone. Labels contain it, so the service is still found
 * after the clone was moved or renamed, and its containers are not replaced.
 * @throws Error if this clone is a copy: then the service belongs to the original.
 */
export function identifyService(): void {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const identity = read(ROOT) ?? { id: randomBytes(8).toString("hex"), folder: ROOT };
  if (identity.folder !== ROOT && read(identity.folder)?.id === identity.id) {
    throw new Error(
      `This folder is a copy of ${identity.folder}, and its state in .state/ belongs to the service of that folder. ` +
        "Delete .state/ in this folder, and run the command again.",
    );
  }
  if (!existsSync(identityFile(ROOT))) writeAtomically(identityFile(ROOT), JSON.stringify(identity));
  process.env.SPATIALFORGE_ID = identity.id;
  process.env.SPATIALFORGE_FOLDER = identity.folder;
}
