import { APPLICATION } from "../../stack/app/application";
import { LockError } from "../../stack/lock/error";
import { allRequirements, type LockInputs } from "../../stack/lock/inputs";
import type { AppProject } from "../../stack/lock/project";
import { requirementName } from "../../stack/lock/requirement";
import { withoutLocalVersion } from "./derived-project";
import { versionOf, type Pin } from "./pins";
import type { Resolution } from "./resolve";

const TORCH = "torch";

/**
 * Checks that a lock has the packages without which the images cannot start. PyTorch is required if an extra or a group of the app has it.
 * @throws LockError that names each missing package, and the extra or group that has it
 */
export function checkPackages({ pins }: Resolution, { extras, groups }: AppProject): void {
  const locked = new Set(pins.map(({ name }) => name));
  const problems = [...APPLICATION.requiredPackages, TORCH].flatMap((name) => {
    if (locked.has(name)) return [];
    const has = ([, list]: [string, unknown]) =>
      Array.isArray(list) && list.some((one) => typeof one === "string" && requirementName(one) === name);
    const choices = [...[extras, groups].entries()].flatMap(([index, table]) =>
      Object.entries(table)
        .filter(has)
        .map(([choice]) => (index === 0 ? `app.extras (--extra ${choice})` : `app.groups (--group ${choice})`)),
    );
    if (choices.length > 0)
      return [`${name} is only in a part of the app that is not chosen: add it to ${choices.join(" or ")}`];
    if (name === TORCH) return [];
    return [
      `the app does not require ${name}, which the images need: add it to project.dependencies or app.requirements`,
    ];
  });
  if (problems.length > 0) throw new LockError(problems.join("\n"));
}

/**
 * Checks that the CPU variant can have all PyTorch packages of a lock. A URL or a commit is one build, and not a version that also the CPU
 * index has.
 * @throws LockError that names each package without a version
 */
export function checkTorchVersions(torch: readonly Pin[]): void {
  const names = torch.filter((pin) => versionOf(pin) === undefined).map(({ name }) => name);
  if (names.length === 0) return;
  throw new LockError(
    `${names.join(", ")} is a URL or a git repository, and the CPU image needs another build of the same version: ` +
      "require a version, as in torch==2.5.1, and declare its index in [tool.uv.sources]",
  );
}

/** What to do if a lock fails because the default index has no builds of torch for one CUDA version. Empty if no requirement names such a build. */
export function cudaBuildRemedy(inputs: LockInputs): string {
  const sources: object = inputs["tool.uv"].sources ?? {};
  const builds = [...allRequirements(inputs), ...inputs.overrides].filter(
    (one) => withoutLocalVersion(one) !== one && !(requirementName(one) in sources),
  );
  return builds.length > 0
    ? `\n${builds.join(", ")}: PyPI has no such build; declare its index in [tool.uv.sources]`
    : "";
}
