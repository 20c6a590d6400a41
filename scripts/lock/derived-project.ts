import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { APPLICATION } from "../../stack/app/application";
import { GROUP_ROOTS, groupOf } from "../../stack/lock/groups";
import { allRequirements } from "../../stack/lock/inputs";
import type { LockInputs } from "../../stack/lock/inputs";
import { requirementName } from "../../stack/lock/requirement";
import { PROJECT_UV_SETTINGS } from "../../stack/lock/uv-settings";
import { partsOf } from "./pins";
import type { Pin } from "./pins";

/** What the CPU variant changes. It has the same versions as the GPU variant. */
export interface CpuVariant {
  /** Pins of the GPU variant. */
  readonly pins: readonly Pin[];
  /** Names of the CUDA packages among them. */
  readonly cuda: readonly string[];
  /** URL of the index of the CPU builds. Undefined: the builds of the GPU variant. */
  readonly index?: string;
}

const CPU_INDEX = "pytorch-cpu";

/** A build for a CUDA version has a local version, as in `torch==2.5.1+cu121`. The CPU builds have another one. */
const withoutLocalVersion = (requirement: string): string =>
  GROUP_ROOTS.torch.includes(requirementName(requirement)) ? requirement.replace(/\+[\w.]+/g, "") : requirement;

/**
 * The `pyproject.toml` of a project that has the requirements of an app, and a dependency group for the roots of each group of the lock.
 * @param added - packages that also are roots of the group heavy: heavy packages that only other packages require
 */
export function derivedProject(
  name: string,
  inputs: LockInputs,
  added: readonly string[] = [],
  cpu?: CpuVariant,
): string {
  const direct = allRequirements(inputs).map(cpu?.index ? withoutLocalVersion : (one) => one);
  const rootsIn = (...groups: string[]) => direct.filter((one) => groups.includes(groupOf(requirementName(one))));
  const app = inputs["tool.uv"] as Readonly<Record<string, never[] | undefined>>;
  const list = (key: string, more: readonly string[]) => ({ [key]: [...(app[key] ?? []), ...more] });
  const torch = GROUP_ROOTS.torch.filter((one) => cpu?.pins.some((pin) => pin.name === one));
  const sources = cpu?.index ? Object.fromEntries(torch.map((one) => [one, { index: CPU_INDEX }])) : {};
  const constraints = (cpu?.pins ?? [])
    .filter((pin) => partsOf(pin).version !== undefined && !cpu?.cuda.includes(pin.name))
    .map(({ text }) => withoutLocalVersion(text));
  return stringifyToml({
    project: {
      name,
      version: "0",
      "requires-python": [inputs["requires-python"], `>=${APPLICATION.minimumPython}`].filter(Boolean).join(","),
      // A source applies to a requirement of the project only, not to one of another package.
      dependencies: [...direct, ...(cpu?.index ? torch : [])],
    },
    "dependency-groups": {
      heavy: [...rootsIn("torch", "heavy"), ...added],
      light: rootsIn("light"),
      web: rootsIn("web"),
    },
    tool: {
      uv: {
        ...app,
        ...list("constraint-dependencies", constraints),
        ...list("override-dependencies", inputs.overrides),
        ...list("exclude-dependencies", [...inputs.excluded, ...(cpu?.cuda ?? [])]),
        sources: { ...(app.sources as object | undefined), ...sources },
        ...(cpu?.index && { index: [...(app.index ?? []), { name: CPU_INDEX, url: cpu.index, explicit: true }] }),
        environments: [inputs.environment],
        "default-groups": [],
        package: false,
      },
    },
  });
}

/** The settings of an app that a configuration file of uv can contain. UV_EXCLUDE_NEWER is a policy that the user has set on purpose. */
export function derivedConfig({ "tool.uv": app }: LockInputs): Record<string, unknown> {
  const newest = process.env.UV_EXCLUDE_NEWER;
  const used = Object.entries(app).filter(([key]) => !PROJECT_UV_SETTINGS.includes(key));
  return { ...Object.fromEntries(used), ...(newest && { "exclude-newer": newest }) };
}

/** Settings that a `uv.lock` repeats, with their names there. uv ignores the versions in a lock if one of them differs. */
const LOCK_OPTIONS: Readonly<Record<string, string>> = {
  "exclude-newer": "exclude-newer",
  "fork-strategy": "fork-strategy",
  prerelease: "prerelease-mode",
  resolution: "resolution-mode",
};

/**
 * A `uv.lock` from which uv takes versions only: it resolves again and prefers these versions.
 * @param versions - the `uv.lock` of the app, or pins; their source `virtual` matches every index
 */
export function startingLock(versions: string | readonly Pin[], config: Readonly<Record<string, unknown>>): string {
  const options = Object.entries(LOCK_OPTIONS).flatMap(([key, name]) => (key in config ? [[name, config[key]]] : []));
  const lock: Record<string, unknown> =
    typeof versions === "string"
      ? parseToml(versions)
      : {
          version: 1,
          "requires-python": `>=${APPLICATION.minimumPython}`,
          package: versions
            .map(partsOf)
            .filter(({ version }) => version !== undefined)
            .map(({ name, version, marker }) => ({
              name,
              version,
              source: { virtual: "." },
              ...(marker && { "resolution-markers": [marker] }),
            })),
        };
  return stringifyToml({ ...lock, options: Object.fromEntries(options) as Record<string, unknown> });
}
