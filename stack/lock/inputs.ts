import { EXCLUDED_PACKAGES } from "./groups";
import { isList, type AppProject, type LockChoice } from "./project";
import { normalizeName, requirementName } from "./requirement";
import { usedSources } from "./sources";
import { LOCK_ENVIRONMENT } from "./targets";
import { urlProblem } from "./url-problem";
import { ORDERED_UV_SETTINGS, UNUSED_UV_SETTINGS, USED_UV_SETTINGS } from "./uv-settings";

/** Everything that decides the content of a lock, except the package indexes and the time. `inputs.json` contains it without credentials. */
export interface LockInputs {
  /** `requires-python` of the app. Empty if it supports every version. */
  readonly "requires-python": string;
  readonly dependencies: readonly string[];
  /** Requirements of each chosen extra. */
  readonly extras: Readonly<Record<string, readonly string[]>>;
  /** Requirements of each chosen dependency group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly requirements: readonly string[];
  readonly overrides: readonly string[];
  /** The settings in `[tool.uv]` that a lock uses. */
  readonly "tool.uv": Readonly<Record<string, unknown>>;
  /** Packages that no image installs. */
  readonly excluded: readonly string[];
  /** The machines of the images, as a marker. */
  readonly environment: string;
}

/** All requirements of the app in a lock. */
export function allRequirements({
  dependencies,
  extras,
  groups,
  requirements,
}: Pick<LockInputs, "dependencies" | "extras" | "groups" | "requirements">): string[] {
  return [...dependencies, ...Object.values(extras).flat(), ...Object.values(groups).flat(), ...requirements];
}

/**
 * The inputs of the lock of an app, and the problems: everything that a lock cannot contain, or that would differ silently from the app.
 */
export function lockInputs(project: AppProject, choice: LockChoice): { inputs: LockInputs; problems: string[] } {
  const problems: string[] = [];
  const choose = (kind: "extra" | "group", names: readonly string[] = []) =>
    Object.fromEntries(
      names.map(normalizeName).map((name) => [name, sorted(requirementsOf(kind, project[`${kind}s`], name, problems))]),
    );
  const chosen = {
    dependencies: sorted(project.dependencies),
    extras: choose("extra", choice.extras),
    groups: choose("group", choice.groups),
    requirements: sorted(choice.requirements ?? []),
  };
  const requirements = allRequirements(chosen);
  const names = new Set(requirements.map(requirementName));
  const replaced = [
    ...(choice.overrides ?? []),
    ...["override-dependencies", "constraint-dependencies"].flatMap((key) =>
      isList(project.uv[key]) ? project.uv[key] : [],
    ),
  ];
  const withSources = new Set([...requirements, ...replaced].map(requirementName));
  const inputs: LockInputs = {
    "requires-python": project.python.replace(/\s/g, ""),
    ...chosen,
    overrides: sorted(choice.overrides ?? []),
    "tool.uv": uvSettings(project.uv, chosen, withSources, problems),
    excluded: Object.keys(EXCLUDED_PACKAGES).filter((name) => !names.has(name)),
    environment: LOCK_ENVIRONMENT,
  };
  problems.push(...[...requirements, ...replaced].flatMap((one) => requirementProblem(project.name, one) ?? []));
  return { inputs, problems };
}

/** Requirements of an extra or a dependency group, with those of the groups that it includes (PEP 735). */
function requirementsOf(
  kind: "extra" | "group",
  table: AppProject["extras"],
  name: string,
  problems: string[],
  including: readonly string[] = [],
): string[] {
  const entries = table[name];
  if (including.includes(name)) problems.push(`the dependency group ${name} in pyproject.toml includes itself`);
  else if (!Array.isArray(entries)) {
    const known = Object.keys(table).join(", ") || "none";
    problems.push(`the app has no ${kind} "${name}": set app.${kind}s to names of pyproject.toml (${known})`);
  } else {
    return entries.flatMap((entry: unknown) => {
      if (typeof entry === "string") return [entry];
      const included = (entry as { "include-group"?: string } | null)?.["include-group"];
      if (included) return requirementsOf(kind, table, normalizeName(included), problems, [...including, name]);
      problems.push(`the ${kind} ${name} in pyproject.toml has an entry that is not a requirement`);
      return [];
    });
  }
  return [];
}

function requirementProblem(appName: string, requirement: string): string | undefined {
  const name = requirementName(requirement);
  if (name === "") return `"${requirement}" is not a requirement: it must start with the name of a package`;
  if (name === appName) {
    return `"${requirement}" is the app itself: list its extras in app.extras, or repeat their requirements`;
  }
  if (!/@\s*(file:|\.|\/)/.test(requirement)) return urlProblem(`"${requirement}"`, requirement);
  return `"${requirement}" is a path: an image installs packages from an index, a URL, or a git repository only`;
}

function uvSettings(
  uv: AppProject["uv"],
  chosen: Pick<LockInputs, "extras" | "groups">,
  names: ReadonlySet<string>,
  problems: string[],
): Record<string, unknown> {
  const used: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(uv).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key === "sources") {
      const sources = usedSources(value as Record<string, unknown>, chosen, names, problems);
      if (Object.keys(sources).length > 0) used.sources = sources;
    } else if (USED_UV_SETTINGS.includes(key)) {
      used[key] = isList(value) && !ORDERED_UV_SETTINGS.includes(key) ? sorted(value) : value;
    } else if (!UNUSED_UV_SETTINGS.includes(key)) {
      problems.push(`[tool.uv] ${key} in pyproject.toml is not supported in a lock: remove it, or lock without it`);
    }
  }
  return used;
}

/** In an order that does not depend on the locale, each once. */
function sorted(requirements: readonly string[]): string[] {
  return [...new Set(requirements.map((one) => one.trim()))].sort();
}
