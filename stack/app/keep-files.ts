import type { Problem } from "../config/problem";
import { normalizeName } from "../lock/requirement";

/** Patterns of files to keep, by the normalized name of the package: `app.keepFiles`. */
export type KeepFiles = Readonly<Record<string, readonly string[]>>;

/** The packages that a requirements file pins. */
const lockedPackages = (requirements: string): string[] =>
  [...requirements.matchAll(/^([\w.-]+)(?:\[[^\]]*\])? *(?:==|@)/gm)].map(([, name]) => normalizeName(name));

/** The patterns for the packages in some requirements files. Undefined if there are none. */
export function keepFilesOf(keepFiles: KeepFiles, requirements: readonly string[]): KeepFiles | undefined {
  const locked = new Set(requirements.flatMap(lockedPackages));
  const found = Object.entries(keepFiles).filter(([name]) => locked.has(normalizeName(name)));
  return found.length > 0
    ? Object.fromEntries(found.map(([name, patterns]) => [normalizeName(name), patterns]))
    : undefined;
}

/** Packages that no lock file contains. @param lockFiles - texts by name */
export function keepFilesProblems(keepFiles: KeepFiles, lockFiles: Readonly<Record<string, string>>): Problem[] {
  const locked = new Set(Object.values(lockFiles).flatMap(lockedPackages));
  return Object.entries(keepFiles)
    .filter(([name]) => !locked.has(normalizeName(name)))
    .map(([name, patterns]) => ({
      key: `app.keepFiles.${name}`,
      value: JSON.stringify(patterns),
      remedy: "the dependency lock does not contain this package: correct its name, or remove the setting",
    }));
}
