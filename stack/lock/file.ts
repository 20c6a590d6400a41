import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LOCK_FILES } from "./groups";
import { parsePins, pinText } from "./pin";
import type { Pin } from "./pin";
import { MACHINES } from "./targets";

/** A parsed lock file. */
export interface LockFile {
  /** Requirements of the app that this file was created for, `name[extra,...]`. */
  readonly roots: readonly string[];
  /** Lowest Python version that the file was resolved for, such as `3.11`. */
  readonly python?: string;
  readonly pins: readonly Pin[];
}

const ROOTS = "# For: ";
const PYTHON = /^# Python >= (\d+\.\d+)/;

/** Parses a lock file. */
export function parseLockFile(text: string): LockFile {
  const lines = text.split(/\r?\n/);
  const roots = lines.find((line) => line.startsWith(ROOTS))?.slice(ROOTS.length) ?? "";
  return {
    roots: roots.split(" ").filter((root) => root !== ""),
    python: lines.map((line) => PYTHON.exec(line)?.[1]).find((python) => python !== undefined),
    pins: parsePins(text),
  };
}

/**
 * Formats a lock file. The text contains no index URL and no absolute path. It lists only the roots of this file: a change in one group
 * must not change the file of another group, because that would also rebuild its image layer.
 */
export function formatLockFile({ roots, python, pins }: LockFile, title: string): string {
  const header = [`# ${title}`, ...(python ? [`# Python >= ${python} on Linux, ${MACHINES.join(" and ")}`] : [])];
  const lines = [...pins]
    .sort((a, b) => compareText(a.name, b.name) || compareText(pinText(a), pinText(b)))
    .map((pin) => [pinText(pin), ...pin.hashes.map((hash) => `--hash=${hash}`)].join(" \\\n    "));
  return [
    ...header,
    ...(roots.length > 0 ? [ROOTS + [...new Set(roots)].sort(compareText).join(" ")] : []),
    ...lines,
    "",
  ].join("\n");
}

/** Compares by code unit, so that the order does not depend on the locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The texts of the files of a lock, by file name. Empty if the folder does not exist. */
export function readLockFiles(folder: string): Record<string, string> {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return {};
    }
    throw error;
  }
  return Object.fromEntries(
    LOCK_FILES.filter((name) => names.includes(name)).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}
