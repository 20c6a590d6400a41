import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { APPLICATION } from "../../stack/app/application";
import { GROUP_ROOTS } from "../../stack/lock/groups";
import { allRequirements, type LockInputs } from "../../stack/lock/inputs";
import { requirementName } from "../../stack/lock/requirement";
import { PROJECT_UV_SETTINGS } from "../../stack/lock/uv-settings";
import { versionOf, type Pin } from "./pins";

type Table = Readonly<Record<string, unknown>>;

/** A project for uv, as the content of its `pyproject.toml`. */
export interface DerivedProject {
  readonly project: Table;
  /** The group `web` has the requirements of the web servers. */
  readonly "dependency-groups": Readonly<Record<"web", readonly string[]>>;
  readonly tool: { readonly uv: Readonly<Record<string, unknown[] | Table | string | boolean | undefined>> };
}

/** A list in `[tool.uv]`. */
const listOf = (value: unknown): unknown[] => (value ?? []) as unknown[];

/** The project that has the requirements of an app. */
export function gpuProject(name: string, inputs: LockInputs): DerivedProject {
  const uv = inputs["tool.uv"] as DerivedProject["tool"]["uv"];
  const isWeb = (one: string) => GROUP_ROOTS.web.includes(requirementName(one));
  const direct = allRequirements(inputs);
  return {
    project: {
      name,
      version: "0",
      "requires-python": [inputs["requires-python"], `>=${APPLICATION.minimumPython}`].filter(Boolean).join(","),
      dependencies: direct.filter((one) => !isWeb(one)),
    },
    "dependency-groups": { web: direct.filter(isWeb) },
    tool: {
      uv: {
        ...uv,
        "override-dependencies": [...listOf(uv["override-dependencies"]), ...inputs.overrides],
        "exclude-dependencies": [...listOf(uv["exclude-dependencies"]), ...inputs.excluded],
        environments: [inputs.environment],
        "default-groups": [],
        package: false,
      },
    },
  };
}

const CPU_INDEX = "pytorch-cpu";

/** A build for a CUDA version has a local version, as in `torch==2.5.1+cu121`. The CPU builds have another one. */
export const withoutLocalVersion = (requirement: string): string =>
  GROUP_ROOTS.torch.includes(requirementName(requirement)) ? requirement.replace(/\+[\w.]+/g, "") : requirement;

/**
 * The project of the CPU variant: the packages of the GPU variant without CUDA, with torch from the index of the CPU builds.
 * @param pins - the GPU variant
 * @param cuda - names of the CUDA packages in it
 */
export function cpuProject(
  { project, tool: { uv } }: DerivedProject,
  pins: readonly Pin[],
  cuda: readonly string[],
  index: string,
): DerivedProject {
  const kept = pins.filter(({ name }) => !cuda.includes(name));
  const versioned = kept.filter(versionOf);
  // The sources of packages with a URL are left out below. An override of such a package names its URL.
  const urls = new Map(kept.filter((pin) => !versionOf(pin)).map(({ name, text }) => [name, text]));
  const overrides = (listOf(uv["override-dependencies"]) as string[]).map(
    (one) => urls.get(requirementName(one)) ?? withoutLocalVersion(one),
  );
  const torch = versioned.filter(({ name }) => GROUP_ROOTS.torch.includes(name));
  const sources = Object.entries((uv.sources ?? {}) as Table);
  return {
    // All packages are requirements of the project, because a source does not apply to a requirement of a package.
    project: { ...project, dependencies: kept.map(({ text }) => withoutLocalVersion(text)) },
    "dependency-groups": { web: [] },
    tool: {
      uv: {
        ...uv,
        "override-dependencies": overrides,
        // An override replaces a requirement, but not a constraint.
        "constraint-dependencies": versioned.map(({ text }) => withoutLocalVersion(text)),
        "exclude-dependencies": [...listOf(uv["exclude-dependencies"]), ...cuda],
        sources: Object.fromEntries([
          ...sources.filter(([name]) => versioned.some((pin) => pin.name === name)),
          ...torch.map(({ name }) => [name, { index: CPU_INDEX }]),
        ]) as Table,
        index: [...listOf(uv.index), { name: CPU_INDEX, url: index, explicit: true }],
      },
    },
  };
}

/** The first version with exclude-dependencies: the first-class dependency exclusions in https://github.com/astral-sh/uv/releases/tag/0.9.8. */
const UV_VERSION = ">=0.9.8";

/** The settings in a project that a configuration file of uv can contain. UV_EXCLUDE_NEWER is a policy that the user has set on purpose. */
export function configOf({ tool: { uv } }: DerivedProject, inputs: LockInputs): Table {
  const newest = process.env.UV_EXCLUDE_NEWER;
  const used = Object.keys(inputs["tool.uv"]).filter((key) => !PROJECT_UV_SETTINGS.includes(key));
  return {
    ...Object.fromEntries(used.map((key) => [key, uv[key]])),
    "required-version": UV_VERSION,
    ...(newest && { "exclude-newer": newest }),
  };
}

/** A project without dependencies, which uv locks without an index. */
export const emptyProject = ({ project, tool }: DerivedProject): Table => ({
  project: { ...project, dependencies: [] },
  tool: { uv: { environments: tool.uv.environments, package: false } },
});

/**
 * A `uv.lock` from which uv takes versions only: it resolves again and prefers these versions.
 * @param versions - the `uv.lock` of the app, or pins; their source `virtual` matches every index
 * @param sample - a `uv.lock` that uv wrote with the same settings. uv ignores the versions in a lock whose `[options]` differ from them.
 */
export function startingLock(versions: string | readonly Pin[], sample: string): string {
  const { options = {} } = parseToml(sample);
  const lock =
    typeof versions === "string"
      ? parseToml(versions)
      : {
          version: 1,
          "requires-python": `>=${APPLICATION.minimumPython}`,
          package: versions.filter(versionOf).map((pin) => ({
            name: pin.name,
            version: versionOf(pin)!,
            source: { virtual: "." },
            "resolution-markers": pin.text.split(" ; ").slice(1),
          })),
        };
  return stringifyToml({ ...lock, options });
}
