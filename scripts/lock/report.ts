import { join } from "node:path";
import { GROUPS, LOCK_FILES } from "../../stack/lock/groups";
import { parsePins, pinText } from "../../stack/lock/pin";

/** Prints one line for each file, then one line for each pin that was added, removed, or changed. */
export function report(
  name: string,
  before: Record<string, string>,
  after: Record<string, string>,
  changed: readonly string[],
): void {
  for (const file of LOCK_FILES.filter((one) => one in before || one in after)) {
    const state = !changed.includes(file)
      ? "unchanged"
      : !(file in before)
        ? "new"
        : !(file in after)
          ? "removed"
          : "changed";
    const packages = new Set(parsePins(after[file] ?? "").map((pin) => pin.name)).size;
    console.log(`${join("images", "locks", name, file)}: ${packages} packages, ${state}`);
  }
  const lines = (files: Record<string, string>): Set<string> =>
    new Set(
      GROUPS.flatMap((group) => parsePins(files[`${group}.txt`] ?? "").map((pin) => `${pinText(pin)} (${group})`)),
    );
  const [old, now] = [lines(before), lines(after)];
  if (old.size > 0) {
    [...old].filter((line) => !now.has(line)).forEach((line) => console.log(`  - ${line}`));
    [...now].filter((line) => !old.has(line)).forEach((line) => console.log(`  + ${line}`));
  }
}
