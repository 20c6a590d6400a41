import { parse as parseToml } from "smol-toml";
import { APPLICATION } from "../../stack/app/application";
import { LockError } from "../../stack/lock/error";
import { GROUP_ROOTS } from "../../stack/lock/groups";
import { isList } from "../../stack/lock/project";
import type { AppProject } from "../../stack/lock/project";
import { requirementName } from "../../stack/lock/requirement";
import type { LockedPackage, Resolution } from "./resolve";

/**
 * Compares a resolution with the `uv.lock` of the app.
 * @throws LockError that lists each package with another version
 */
export function compareWithAppLock({ packages }: Resolution, uvLock: string): void {
  const { package: own = [] } = parseToml(uvLock) as { package?: LockedPackage[] };
  const label = ({ version, source }: LockedPackage) => source.git ?? source.url ?? version ?? "without a version";
  const differing = packages.flatMap((locked) => {
    const versions = own.filter(({ name }) => name === locked.name).map(label);
    if ("virtual" in locked.source || versions.includes(label(locked))) return [];
    return [`  ${locked.name} ${label(locked)} (uv.lock: ${versions.join(", ") || "not in it"})`];
  });
  if (differing.length === 0) return;
  throw new LockError(
    "the versions differ from the uv.lock of the app. Run `uv lock` in the app, and check app.overrides and " +
      `app.requirements:\n${differing.join("\n")}`,
  );
}

/**
 * Checks that a lock has the packages without which the images cannot start. PyTorch is required if an extra or a group of the app has it.
 * @throws LockError that names each missing package, and the extra or group that has it
 */
export function checkPackages({ pins }: Resolution, { extras, groups }: AppProject): void {
  const locked = new Set(pins.map(({ name }) => name));
  const problems = [...APPLICATION.requiredPackages, ...GROUP_ROOTS.torch].flatMap((name) => {
    if (locked.has(name)) return [];
    const has = ([, list]: [string, unknown]) => isList(list) && list.some((one) => requirementName(one) === name);
    const choices = [...[extras, groups].entries()].flatMap(([index, table]) =>
      Object.entries(table)
        .filter(has)
        .map(([choice]) => (index === 0 ? `app.extras (--extra ${choice})` : `app.groups (--group ${choice})`)),
    );
    if (choices.length > 0)
      return [`${name} is only in a part of the app that is not chosen: add it to ${choices.join(" or ")}`];
    if (GROUP_ROOTS.torch.includes(name)) return [];
    return [
      `the app does not require ${name}, which the images need: add it to project.dependencies or app.requirements`,
    ];
  });
  if (problems.length > 0) throw new LockError(problems.join("\n"));
}
