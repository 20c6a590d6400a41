import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { withoutCredentials } from "../../stack/config/problem";
import { LockError } from "../../stack/lock/error";
import { isTable } from "../../stack/lock/project";
import type { LockedPackage, Resolution } from "./resolve";

/** The `uv.lock` of an app. */
export interface AppLock {
  readonly text: string;
  readonly packages: readonly LockedPackage[];
}

/** Reads the `uv.lock` in the folder of an app. Undefined if there is none. @throws LockError if uv did not write the file */
export function readAppLock(app: string): AppLock | undefined {
  const file = join(app, "uv.lock");
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const packages = packagesIn(text);
  if (!packages) throw new LockError(`${file} is not a lock of uv: run \`uv lock\` in the app to create it again`);
  return { text, packages };
}

/** The packages in the text of a `uv.lock`. Undefined if the text is something else. */
function packagesIn(text: string): LockedPackage[] | undefined {
  try {
    const { version, package: packages = [] } = parseToml(text);
    const isPackage = (one: unknown) => isTable(one) && typeof one.name === "string" && isTable(one.source);
    if (typeof version !== "number" || !Array.isArray(packages) || !packages.every(isPackage)) return undefined;
    return packages as unknown as LockedPackage[];
  } catch {
    return undefined;
  }
}

/**
 * Compares a resolution with the `uv.lock` of the app. Prints the packages that only the lock has, as `app.requirements` can add them.
 * @throws LockError that lists each package with another version
 */
export function compareWithAppLock({ packages }: Resolution, appLock: AppLock): void {
  const label = ({ version, source }: LockedPackage) => source.git ?? source.url ?? version ?? "without a version";
  const added: string[] = [];
  const differing: string[] = [];
  for (const locked of packages) {
    const versions = appLock.packages.filter(({ name }) => name === locked.name).map(label);
    if ("virtual" in locked.source || versions.includes(label(locked))) continue;
    const text = `${locked.name} ${label(locked)}`;
    if (versions.length === 0) added.push(text);
    else differing.push(`  ${text} (uv.lock: ${versions.join(", ")})`);
  }
  if (added.length > 0) console.log(withoutCredentials(`not in the uv.lock of the app: ${added.join(", ")}`));
  if (differing.length === 0) return;
  throw new LockError(
    "the versions differ from the uv.lock of the app. Run `uv lock` in the app, and check app.overrides and " +
      `app.requirements:\n${differing.join("\n")}`,
  );
}
