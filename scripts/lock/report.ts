import { join } from "node:path";
import { parsePins } from "./pins";

/** Texts of the files of a lock, by file name. */
export type LockFiles = Readonly<Record<string, string>>;

/** Prints one line for each file, then one line for each pin that was added, removed, or changed. */
export function report(name: string, before: LockFiles, after: LockFiles): void {
  const files = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  for (const file of files) {
    const [old, now] = [before[file], after[file]] as (string | undefined)[];
    const state = old === now ? "unchanged" : old === undefined ? "new" : now === undefined ? "removed" : "changed";
    const packages = file.endsWith(".txt")
      ? `${new Set(parsePins(now ?? "").map((pin) => pin.name)).size} packages, `
      : "";
    console.log(`${join("images", "locks", name, file)}: ${packages}${state}`);
  }
  if (Object.keys(before).length === 0) return;
  const lines = (texts: LockFiles): Set<string> =>
    new Set(
      files
        .filter((file) => file.endsWith(".txt"))
        .flatMap((file) => parsePins(texts[file] ?? "").map((pin) => `${pin.text} (${file})`)),
    );
  const [old, now] = [lines(before), lines(after)];
  [...old].filter((line) => !now.has(line)).forEach((line) => console.log(`  - ${line}`));
  [...now].filter((line) => !old.has(line)).forEach((line) => console.log(`  + ${line}`));
}
