import type { EnvironmentMarker } from "pip-requirements-js";
import { parse as parseToml } from "smol-toml";
import { environments, holds } from "./environment";
import { LockError } from "./error";
import { groupOf } from "./groups";
import type { Group } from "./groups";
import { normalizeName, parseLine, specifierOf } from "./requirement-line";
import { lowestPython } from "./targets";

/** A dependency of the app. */
export interface Requirement {
  /** As written in pyproject.toml. */
  readonly text: string;
  /** Normalized. */
  readonly name: string;
  /** `name[extra,...]`, normalized. A lock file lists its roots in this form. */
  readonly root: string;
  readonly group: Group;
  /** Version specifier, such as `>=1,<2`. It is empty if every version is allowed. */
  readonly specifier: string;
  readonly marker?: EnvironmentMarker;
}

/** The parts of a pyproject.toml that a lock is created from. */
export interface AppProject {
  readonly name: string;
  /** Lowest Python version to lock for, such as `3.11`. */
  readonly python: string;
  /** Dependencies that apply on Linux. Optional dependencies are not included: no image installs an extra of the app. */
  readonly requirements: readonly Requirement[];
}

/**
 * Parses the parts of a `pyproject.toml` that a lock needs.
 *
 * @throws LockError if there is no project name or no static list of dependencies, or if a dependency cannot be locked by version and
 * hash. TomlError if the text is not valid TOML.
 */
export function readAppProject(pyprojectText: string): AppProject {
  const { project } = parseToml(pyprojectText) as { project?: Record<string, unknown> };
  if (typeof project?.name !== "string") {
    throw new LockError("pyproject.toml has no project.name");
  }
  if (Array.isArray(project.dynamic) && project.dynamic.includes("dependencies")) {
    throw new LockError("the dependencies in pyproject.toml are dynamic: list them in project.dependencies");
  }
  const dependencies = project.dependencies ?? [];
  if (!Array.isArray(dependencies) || !dependencies.every((one) => typeof one === "string")) {
    throw new LockError("project.dependencies in pyproject.toml is not a list of strings");
  }
  const python = lowestPython((project["requires-python"] as string | undefined) ?? "");
  return {
    name: normalizeName(project.name),
    python,
    requirements: dependencies
      .map(readRequirement)
      .filter(({ marker }) => environments([marker], python).some((environment) => holds(marker, environment))),
  };
}

function readRequirement(text: string): Requirement {
  const parsed = parseLine(text);
  if (parsed?.type !== "ProjectName") {
    throw new LockError(`the dependency "${text}" does not come from a package index, so it cannot be locked by hash`);
  }
  const name = normalizeName(parsed.name);
  const extras = [...new Set(parsed.extras?.map(normalizeName))].sort();
  return {
    text: text.trim(),
    name,
    root: extras.length > 0 ? `${name}[${extras.join(",")}]` : name,
    group: groupOf(name),
    specifier: specifierOf(parsed),
    marker: parsed.environmentMarkerTree,
  };
}
