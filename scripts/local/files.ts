import { renameSync, writeFileSync } from "node:fs";

/** Writes a file that only its owner can read. If the process is killed, the file is complete or does not exist. */
export function writeAtomically(file: string, content: string): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, file);
}
