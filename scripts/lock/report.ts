import { parsePins } from "./pins";

/** Texts of the files of a lock, by file name. */
export type LockFiles = Readonly<Record<string, string>>;

/** Prints each file that changes, and each pin that was added or removed. Returns whether there are any. */
export function report(folder: string, before: LockFiles, after: LockFiles): boolean {
  const pins = (text = "") => parsePins(text).map((pin) => pin.text);
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (file) => before[file] !== after[file],
  );
  for (const file of changed) {
    console.log(`${folder}/${file}: ${file in after ? "changed" : "removed"}`);
    if (!file.endsWith(".txt")) continue;
    const [old, now] = [pins(before[file]), pins(after[file])];
    for (const one of old) if (!now.includes(one)) console.log(`  - ${one}`);
    for (const one of now) if (!old.includes(one)) console.log(`  + ${one}`);
  }
  if (changed.length === 0) console.log(`${folder}: unchanged`);
  return changed.length > 0;
}
