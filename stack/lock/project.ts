import { parse as parseToml } from "smol-toml";
import { normalizeName } from "./requirement";

/** What the settings `app.*` choose in addition to `project.dependencies`. */
export interface LockChoice {
  /** Names of optional dependencies of the app. */
  readonly extras?: readonly string[];
  /** Names of dependency groups of the app. */
  readonly groups?: readonly string[];
  /** Requirements that the app does not declare, such as `ultralytics>=8`. */
  readonly requirements?: readonly string[];
  /** Requirements that replace all other requirements of the same package, as in `tool.uv.override-dependencies`. */
  readonly overrides?: readonly string[];
}

/** The parts of a `pyproject.toml` that a lock is created from. */
export interface AppProject {
  /** Normalized. */
  readonly name: string;
  /** `requires-python`. Empty if the app supports every version. */
  readonly python: string;
  readonly dependencies: readonly string[];
  readonly extras: Readonly<Record<string, unknown>>;
  readonly groups: Readonly<Record<string, unknown>>;
  /** `[tool.uv]`. */
  readonly uv: Readonly<Record<string, unknown>>;
}

/** Reads a `pyproject.toml` in the supported form (`stack/app/shape.ts`). */
export function readAppProject(pyprojectText: string): AppProject {
  const { project = {}, tool = {}, "dependency-groups": groups } = parseToml(pyprojectText) as Record<string, Table>;
  return {
    name: normalizeName(project.name as string),
    python: (project["requires-python"] ?? "") as string,
    dependencies: (project.dependencies ?? []) as string[],
    extras: byName(project["optional-dependencies"]),
    groups: byName(groups),
    uv: (tool.uv ?? {}) as Table,
  };
}

export function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** Whether a value of a TOML or JSON file is a table. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Table = Record<string, unknown>;

const byName = (table: unknown = {}): Table =>
  Object.fromEntries(Object.entries(table as Table).map(([name, value]) => [normalizeName(name), value]));
