import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { withoutCredentials, type Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { lockProblems } from "../lock/fit";
import { readAppProject } from "../lock/project";
import { ROOT } from "../root";
import { APPLICATION } from "./application";
import { checkOut, refSlug } from "./checkout";

/** The source tree of an application on this machine. */
export interface AppSource {
  /** Absolute path of the folder that contains `pyproject.toml`. */
  folder: string;
  /** Absolute path of the folder with its lock files. */
  lockFolder: string;
  /** Version of the application in `pyproject.toml`. Default: `0`. */
  version: string;
  /** `requires-python` of the application. Empty if it supports every version. */
  requiresPython: string;
  /** URL of the repository without credentials, for the label of the image. Empty for a folder on this machine. */
  repository: string;
  /** The ref of the repository as part of a release ID. Undefined for a folder on this machine. */
  refSlug?: string;
  /** Problems of the lock files with this source. */
  lockProblems(): Problem[];
}

/**
 * Opens the application that the settings name, and checks out its repository if it has one.
 * @throws Error with a remedy if the folder, the repository, the ref, or `pyproject.toml` does not exist.
 */
export async function openApp(app: Settings["app"]): Promise<AppSource> {
  const folder = "path" in app ? resolve(ROOT, app.path) : await checkOut(app.repository, app.ref);
  const remedy =
    "path" in app
      ? "set the path of the application's source folder"
      : "use a repository and a ref with the application in the root folder";
  if (!existsSync(folder))
    throw new Error(`the folder does not exist: ${remedy}, absolute or relative to this project`);
  const file = join(folder, "pyproject.toml");
  if (!existsSync(file)) throw new Error(`the folder has no pyproject.toml: ${remedy}`);
  if (!existsSync(join(folder, APPLICATION.package))) {
    throw new Error(`the folder has no package ${APPLICATION.package}: ${remedy}`);
  }
  const pyproject = readFileSync(file, "utf8");
  const project = readAppProject(pyproject);
  const lockFolder = join(ROOT, "images", "locks", project.name);
  return {
    folder,
    lockFolder,
    version: /^version\s*=\s*"([^"]+)"/m.exec(pyproject)?.[1] ?? "0",
    requiresPython: project.python,
    ...("path" in app
      ? { repository: "" }
      : { repository: withoutCredentials(app.repository), refSlug: refSlug(app.ref) }),
    lockProblems: () =>
      lockProblems(pyproject, app, lockFolder, { path: "path" in app ? app.path : folder }).map(
        ({ requirement, locked, remedy }) => ({ key: "app", value: `${requirement} (locked: ${locked})`, remedy }),
      ),
  };
}
