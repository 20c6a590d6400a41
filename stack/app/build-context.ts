import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import type { ImageSpec } from "../images/catalog";
import { TOOLKIT_DRIVERS } from "../images/cuda";
import { compiledFiles, groupFile } from "../lock/groups";
import { ROOT } from "../root";
import { APPLICATION, RUNTIME_FACTS } from "./application";
import { writeBuildNetwork } from "./build-network";
import { hashOfParts, hashParts, type PartHashes } from "./context-parts";
import { distInfo } from "./distribution";
import { EPOCH } from "./epoch";
import { keepFilesOf, type KeepFiles } from "./keep-files";
import { isLeftOut } from "./left-out";
import type { AppSource } from "./source";

/** Folder of the scripts in an image. */
const SCRIPTS = join("opt", "spatialforge");

/** A build context with only the files that one image reads. */
export interface BuildContext {
  /** Path, relative to the project. It is an input of the build, so it must be the same on every machine. */
  path: string;
  /** Hash of all files except the credentials and the settings of the network. */
  hash: string;
  parts: PartHashes;
  /** Whether the build compiles packages. */
  compiles: boolean;
}

/**
 * Creates the build context of an image.
 * @param contexts - folder of all build contexts, relative to the project
 */
export function stage(app: AppSource, image: ImageSpec, contexts = ".build"): BuildContext {
  const path = `${contexts}/${image.name}`;
  const folder = join(ROOT, path);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["Dockerfile", "build"]) copy(join(ROOT, "images", part), join(folder, part));
  // The Dockerfile mounts this folder in the builds of all images. It stays empty in that of the CPU image.
  mkdirSync(join(folder, "locks", "cuda"), { recursive: true });
  for (const [from, to] of lockFiles(app.lockFolder, image)) copy(from, join(folder, "locks", to));
  for (const group of image.groups) writeKeepFiles(app.keepFiles, join(folder, "locks", group));
  // Each of these folders is the root of one layer.
  copy(join(ROOT, "images", "runtime"), join(folder, "runtime", SCRIPTS));
  writeFileSync(
    join(folder, "runtime", SCRIPTS, "application.json"),
    JSON.stringify({ ...RUNTIME_FACTS, toolkitDrivers: TOOLKIT_DRIVERS }),
  );
  copy(join(app.packageParent, APPLICATION.package), join(folder, "app", "app", APPLICATION.package));
  writeDistInfo(app, join(folder, "app", "app"));
  if (image.servesStaticFiles) {
    mkdirSync(join(folder, "served")); // the Dockerfile copies it even if the application has no static files
    copy(join(app.packageParent, "static"), join(folder, "served", "app", "static"));
  }
  normalize(folder);
  const parts = hashParts(folder);
  writeNetrc(path, "");
  writeBuildNetwork(path, { caBundle: "", osMirror: "" });
  return { path, hash: hashOfParts(parts), parts, compiles: compilesPackages(app.lockFolder, image) };
}

function compilesPackages(lockFolder: string, { groups }: ImageSpec): boolean {
  const files = readdirSync(lockFolder);
  return groups.some((group) => compiledFiles(group, files).length > 0);
}

/**
 * Writes the credentials for the package indexes to a build context. `BuildContext.hash` does not include them. The file is emptied when
 * the process exits. It must exist even without credentials, because the build mounts it.
 */
export function writeNetrc(contextPath: string, netrc: string): void {
  const file = join(ROOT, contextPath, "credentials", "netrc");
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, netrc, { mode: 0o600 });
  utimesSync(file, EPOCH, EPOCH);
  if (netrc) process.once("exit", () => writeFileSync(file, ""));
}

/** Lock files of an image, each with the path at which the Dockerfile expects it. */
function lockFiles(lockFolder: string, image: ImageSpec): [from: string, to: string][] {
  const files = readdirSync(lockFolder);
  return image.groups.flatMap((group) => {
    const file = groupFile(group, image.base, files);
    const compiled = compiledFiles(group, files).map((name) => [name, name.slice(group.length + 1)]);
    const names = [[file, file === "torch.cpu.txt" ? file : "requirements.txt"], ...compiled];
    return names.map(([from, to]): [string, string] => [join(lockFolder, from), join(group, to)]);
  });
}

/** Only the folder of the group that contains a package changes, so only its layer is built again. */
function writeKeepFiles(keepFiles: KeepFiles, group: string): void {
  const kept = keepFilesOf(
    keepFiles,
    readdirSync(group).map((file) => readFileSync(join(group, file), "utf8")),
  );
  if (kept) writeFileSync(join(group, "keep-files.json"), JSON.stringify(kept));
}

function writeDistInfo({ distribution }: AppSource, folder: string): void {
  const { folder: name, files } = distInfo(distribution);
  mkdirSync(join(folder, name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), text);
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) return;
  const filter = (source: string) => !isLeftOut(relative(dirname(from), source).split(sep).join("/"));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter, dereference: true });
}

/** Sets constant times in a folder, and constant modes that keep the execute bit of the owner. */
function normalize(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  for (const name of names.reverse()) {
    const path = join(folder, name);
    const stats = statSync(path);
    chmodSync(path, stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o755 : 0o644);
    utimesSync(path, EPOCH, EPOCH);
  }
}
