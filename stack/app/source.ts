import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { withoutCredentials, type Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { readLockFiles } from "../lock/files";
import { lockProblems } from "../lock/fit";
import { readAppProject } from "../lock/project";
import { ROOT } from "../root";
import { APPLICATION } from "./application";
import { checkOut, refSlug } from "./checkout";
import { readDistribution, type Distribution } from "./distribution";
import { keepFilesProblems, type KeepFiles } from "./keep-files";
import { isLeftOut } from "./left-out";
import { findApplications, otherFileProblem, packageParent, pyprojectProblems } from "./shape";
import { treeProblems } from "./tree";

/** The source tree of an application on this machine. */
export interface AppSource {
  /** Absolute path of the folder that contains `pyproject.toml`. */
  folder: string;
  /** Absolute path of the folder that contains the package, and `static` if there is one: `folder`, or `src` in it. */
  packageParent: string;
  /** Absolute path of the folder with its lock files. */
  lockFolder: string;
  /** `requires-python` of the application. Empty if it supports every version. */
  requiresPython: string;
  /** Name, version, and entry points of the application. */
  distribution: Distribution;
  /** URL of the repository without credentials, for the label of the image. Empty for a folder on this machine. */
  repository: string;
  /** The ref of the repository as part of a release ID. Undefined for a folder on this machine. */
  refSlug?: string;
  /** Files of packages that stay in the images: the setting `app.keepFiles`. */
  keepFiles: KeepFiles;
  /** Problems of the metadata in `pyproject.toml`, and of settings that do not fit the source. */
  problems: Problem[];
  /** Problems of the lock files with this source and with the settings `app.*` of a stack. */
  lockProblems(stack: string): Problem[];
  /** Problems of files that an image cannot contain. */
  treeProblems(): Problem[];
}

/** The source of an application cannot be opened. Its message has a line for each reason. */
export class AppError extends Error {
  constructor(
    /** Each reason with its remedy. */
    readonly remedies: readonly string[],
  ) {
    super(remedies.join("\n"));
  }
}

/**
 * Opens the application that the settings name, and checks out its repository if it has one.
 * @throws AppError if the folder does not exist or is not an application in a supported form, and Error with a remedy if git cannot check
 * out the repository.
 */
export async function openApp(app: Settings["app"]): Promise<AppSource> {
  const root = "path" in app ? resolve(ROOT, app.path) : await checkOut(app.repository, app.ref);
  const folder = "path" in app ? root : join(root, app.folder ?? ".");
  const remedies = existsSync(folder) ? shapeProblems(app, folder) : [missingFolder(app, root)];
  const parent = packageParent(folder);
  if (remedies.length || !parent) throw new AppError(remedies);
  const pyproject = readFileSync(join(folder, "pyproject.toml"), "utf8");
  const project = readAppProject(pyproject);
  const lockFolder = join(ROOT, "images", "locks", project.name);
  const { distribution, problems } = readDistribution(pyproject, app.version);
  const keepFiles = app.keepFiles ?? {};
  return {
    folder,
    packageParent: parent,
    lockFolder,
    requiresPython: project.python,
    distribution,
    keepFiles,
    problems: [...problems, ...keepFilesProblems(keepFiles, readLockFiles(lockFolder))],
    ...("path" in app
      ? { repository: "" }
      : { repository: withoutCredentials(app.repository), refSlug: refSlug(app.ref) }),
    lockProblems: (stack) => lockProblems(project, app, lockFolder, stack),
    treeProblems: () =>
      treeProblems(folder, [join(parent, APPLICATION.package), join(parent, "static")], isLeftOut, downloadLfs(app)),
  };
}

/** Why the folder is not an application in a supported form. */
function shapeProblems(app: Settings["app"], folder: string): string[] {
  const file = join(folder, "pyproject.toml");
  const found = existsSync(file);
  if (found && packageParent(folder)) return pyprojectProblems(readFileSync(file, "utf8"));
  const missing = found ? `no package ${APPLICATION.package}` : "no pyproject.toml";
  const elsewhere = inSubfolder(app, folder);
  if (elsewhere) return [`the folder has ${missing}, but ${elsewhere}`];
  return [
    (found ? undefined : otherFileProblem(folder)) ?? `the folder has ${missing}: ${setting(app)}`,
    ...(found ? pyprojectProblems(readFileSync(file, "utf8")) : []),
  ];
}

function missingFolder(app: Settings["app"], root: string): string {
  if ("path" in app || !app.folder)
    return `the folder does not exist: ${setting(app)}, absolute or relative to this project`;
  const missing = `the repository has no folder ${app.folder} at ${app.ref}`;
  const elsewhere = inSubfolder(app, root);
  return elsewhere ? `${missing}, but ${elsewhere}` : `${missing}: ${setting(app)}`;
}

/** Which setting names the folder of the application, if a subfolder contains it. */
function inSubfolder(app: Settings["app"], folder: string): string | undefined {
  const [found] = findApplications(folder);
  if (!found) return undefined;
  const value = "path" in app ? `app.path to ${join(app.path, found)}` : `app.folder to ${found}`;
  return `the application is in ${found}: set ${value}`;
}

const setting = (app: Settings["app"]): string =>
  "path" in app
    ? "set the path of the application's source folder"
    : "set app.folder to the folder of the application in the repository, or use a ref that contains it";

const downloadLfs = (app: Settings["app"]): string =>
  "path" in app
    ? "install Git LFS, and run `git lfs install && git lfs pull` in the folder"
    : "install Git LFS on this machine, and run `git lfs install`";
