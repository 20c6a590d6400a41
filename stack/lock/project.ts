import { parse as parseToml } from "smol-toml";
import { LockError } from "./error";
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

/**
 * Reads a `pyproject.toml`.
 * @throws LockError that lists all problems
 */
export function readAppProject(pyprojectText: string): AppProject {
  const file = parse(pyprojectText);
  const { project, tool = {} } = file;
  if (!project) throw new LockError(tool.poetry ? POETRY : "pyproject.toml has no table [project]");
  const { name, dynamic, dependencies = [], "requires-python": python = "" } = project;
  const problems = [
    typeof name !== "string" && "pyproject.toml has no project.name",
    Array.isArray(dynamic) && dynamic.includes("dependencies") && DYNAMIC,
    !isList(dependencies) && "project.dependencies in pyproject.toml is not a list of strings",
    typeof python !== "string" && pythonProblem(python),
  ].filter((problem) => problem !== false);
  if (problems.length > 0) throw new LockError(problems.join("\n"));
  return {
    name: normalizeName(name as string),
    python: python as string,
    dependencies: dependencies as string[],
    extras: byName(project["optional-dependencies"]),
    groups: byName(file["dependency-groups"]),
    uv: (tool.uv ?? {}) as Record<string, unknown>,
  };
}

const POETRY =
  "pyproject.toml has [tool.poetry] and no [project]: move the dependencies to project.dependencies, as Poetry 2 does";
const DYNAMIC = "the dependencies in pyproject.toml are dynamic: list them in project.dependencies";

function pythonProblem(value: unknown): string {
  return `project.requires-python in pyproject.toml is not a string: write "==${String(value)}.*" or ">=${String(value)}"`;
}

export function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

type Table = Record<string, unknown>;

function parse(text: string): { project?: Table; tool?: Table; "dependency-groups"?: unknown } {
  try {
    return parseToml(text);
  } catch (error) {
    throw new LockError(`pyproject.toml: ${(error as Error).message}`);
  }
}

function byName(table: unknown): Table {
  return Object.fromEntries(
    Object.entries((table ?? {}) as Table).map(([name, value]) => [normalizeName(name), value]),
  );
}
