import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml, type TomlError } from "smol-toml";
import { isList } from "../lock/project";
import { APPLICATION } from "./application";

/** Files that declare dependencies in other ways, each with the way to a pyproject.toml. The first one that exists counts. */
const OTHER_FILES: Readonly<Record<string, string>> = {
  "requirements.txt": `create it with \`uv init --bare --name ${APPLICATION.package} && uv add --frozen -r requirements.txt\``,
  Pipfile: "convert it with `uvx migrate-to-uv`",
  "setup.py": "move the name, the version, and the dependencies to [project] in a pyproject.toml",
  "setup.cfg": "move the name, the version, and the dependencies to [project] in a pyproject.toml",
};

/** Folders below the source folder in which an application is looked for, and those that are skipped. */
const SEARCH_DEPTH = 3;
const SKIPPED = /^(\..*|node_modules|__pycache__|venv)$/;

/** Folders that can contain the package, relative to `pyproject.toml`. The first one that contains it counts. */
const PACKAGE_PARENTS = [".", "src"];

/** The absolute path of the folder that contains the package, or undefined. @param folder - that of `pyproject.toml` */
export const packageParent = (folder: string): string | undefined =>
  PACKAGE_PARENTS.map((parent) => join(folder, parent)).find((parent) => existsSync(join(parent, APPLICATION.package)));

/** Relative paths of the subfolders that contain the application, with its pyproject.toml and its package. */
export function findApplications(folder: string, depth = SEARCH_DEPTH): string[] {
  if (depth === 0) return [];
  const children = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !SKIPPED.test(entry.name),
  );
  return children.flatMap(({ name }) => {
    const child = join(folder, name);
    if (existsSync(join(child, "pyproject.toml")) && packageParent(child)) return [name];
    return findApplications(child, depth - 1).map((found) => `${name}/${found}`);
  });
}

/** Why a folder without a pyproject.toml is not supported, with the remedy. Undefined if it declares no dependencies in another way either. */
export function otherFileProblem(folder: string): string | undefined {
  const file = Object.keys(OTHER_FILES).find((name) => existsSync(join(folder, name)));
  return file && `the folder has a ${file} but no pyproject.toml: ${OTHER_FILES[file]}`;
}

interface Pyproject {
  project?: { name?: unknown; dependencies?: unknown; dynamic?: unknown; "requires-python"?: unknown };
  tool?: {
    poetry?: { dependencies?: unknown };
    setuptools?: { dynamic?: { dependencies?: { file?: string | string[] } } };
  };
}

/** Why a pyproject.toml is not in the supported form, each with the remedy. Empty if it has a name and a static list of dependencies. */
export function pyprojectProblems(text: string): string[] {
  let pyproject: Pyproject;
  try {
    pyproject = parseToml(text);
  } catch (error) {
    // The message of the parser contains lines of the file, which can contain credentials.
    return [`pyproject.toml is not valid TOML (line ${(error as TomlError).line}): correct it`];
  }
  const { project, tool = {} } = pyproject;
  if (!project && tool.poetry) {
    return ["pyproject.toml has [tool.poetry] but no [project]: convert it with `uvx migrate-to-uv`"];
  }
  if (!project) {
    return ["pyproject.toml has no [project]: add the table with name, version, requires-python, and dependencies"];
  }
  const { name, "requires-python": python = "" } = project;
  return [
    typeof name !== "string" && "[project] in pyproject.toml has no name: add one",
    typeof python !== "string" && 'requires-python in pyproject.toml is not a string: write it as ">=3.N"',
    dependenciesProblem(project, tool),
  ].filter((problem) => typeof problem === "string");
}

function dependenciesProblem(
  { dependencies, dynamic }: NonNullable<Pyproject["project"]>,
  { poetry, setuptools }: NonNullable<Pyproject["tool"]>,
): string | undefined {
  const isDynamic = Array.isArray(dynamic) && dynamic.includes("dependencies");
  if (poetry?.dependencies && (isDynamic || !dependencies)) {
    return "pyproject.toml has its dependencies in [tool.poetry]: convert it with `uvx migrate-to-uv`";
  }
  if (!isDynamic)
    return isList(dependencies ?? [])
      ? undefined
      : "project.dependencies in pyproject.toml is not a list of strings: write it as one";
  const files = [setuptools?.dynamic?.dependencies?.file ?? []].flat();
  const list =
    files.length > 0
      ? `run \`uv add --frozen ${files.map((name) => `-r ${name}`).join(" ")}\``
      : "list them in project.dependencies";
  return `the dependencies in pyproject.toml are dynamic: remove "dependencies" from project.dynamic, and ${list}`;
}
