import type { EnvironmentMarker } from "pip-requirements-js";
import { parse as parseToml } from "smol-toml";
import { environments, holds } from "./environment";
import { LockError } from "./error";
import { groupOf } from "./groups";
import type { Group } from "./groups";
import { normaliseName, parseLine, specifierOf } from "./requirement-line";
import { lowestPython } from "./targets";

/** A dependency of the app. */
export interface Requirement {
  /** As the app spells it. */
  readonly text: string;
  /** Normalised. */
  readonly name: string;
  /** `name[extra,...]`, normalised: what a lock records as its roots. */
  readonly root: string;
  readonly group: Group;
  /** Version specifier, such as `>=1,<2`; empty if any version will do. */
  readonly specifier: string;
  readonly marker?: EnvironmentMarker;
}

/** What a lock is made from. */
export interface AppProject {
  readonly name: string;
  /** Lowest Python to lock for, such as `3.11`. */
  readonly python: string;
  /** Dependencies that apply on Linux. Optional dependencies are not among them: no image installs an extra of the app. */
  readonly requirements: readonly Requirement[];
}

/**
 * Reads what a lock needs of a `pyproject.toml`.
 *
 * @throws LockError with one sentence if it names no project, has no plain list of dependencies, or a dependency that
 * cannot be locked by version and hash; TomlError if it is no TOML.
 */
export function readAppProject(pyprojectText: string): AppProject {
  const { project } = parseToml(pyprojectText) as { project?: Record<string, unknown> };
  if (typeof project?.name !== "string") {
    throw new LockError("pyproject.toml has no project.name");
  }
  if (Array.isArray(project.dynamic) && project.dynamic.includes("dependencies")) {
    throw new LockError("pyproject.toml says that its dependencies are dynamic: list them in project.dependencies");
  }
  const dependencies = project.dependencies ?? [];
  if (!Array.isArray(dependencies) || !dependencies.every((one) => typeof one === "string")) {
    throw new LockError("project.dependencies in pyproject.toml is no list of strings");
  }
  const python = lowestPython((project["requires-python"] as string | undefined) ?? "");
  return {
    name: normaliseName(project.name),
    python,
    requirements: dependencies
      .map(readRequirement)
      .filter(({ marker }) => environments([marker], python).some((environment) => holds(marker, environment))),
  };
}

function readRequirement(text: string): Requirement {
  const parsed = parseLine(text);
  if (parsed?.type !== "ProjectName") {
    throw new LockError(`the dependency "${text}" has no version on a package index, so it cannot be locked by hash`);
  }
  const name = normaliseName(parsed.name);
  const extras = [...new Set(parsed.extras?.map(normaliseName))].sort();
  return {
    text: text.trim(),
    name,
    root: extras.length > 0 ? `${name}[${extras.join(",")}]` : name,
    group: groupOf(name),
    specifier: specifierOf(parsed),
    marker: parsed.environmentMarkerTree,
  };
}
