import { createHash } from "node:crypto";
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
import type { AppSource } from "./app";
import type { ImageSpec } from "../images/table";
import { heavyFiles } from "../lock/groups";
import { ROOT } from "../root";

/** The day of every staged file, so that a layer is the same wherever it is made: 1980-01-01, the first that zip knows. */
const EPOCH = 315532800;

/** A build context with only what one image reads. */
export interface Context {
  /** Relative to the project: the path is a build input, and must not tell machines apart. */
  path: string;
  /** Hash of names, modes and contents. */
  hash: string;
}

/** The app's package. Everything else in its tree, such as a README or a test, is not read, except static files by those who serve them. */
const PACKAGE = "spatialforge";
const NOT_READ = /(^|\/)(__pycache__|tests?|\.[^/]*)(\/|$)|\.(pyc|md)$/;

/**
 * Makes the context of an image under `.build/NAME`.
 *
 * @param netrc - credentials of package indexes. They are in no hash, and go from the disk when the program ends.
 */
export function stage(app: AppSource, image: ImageSpec, netrc = ""): Context {
  const path = `.build/${image.name}`;
  const folder = join(ROOT, path);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["Dockerfile", "build"]) copy(join(ROOT, "images", part), join(folder, part));
  for (const [from, to] of lockParts(app.lock, image)) copy(from, join(folder, "locks", to));
  // Roots to copy as a whole, one for each layer
  copy(join(ROOT, "images", "runtime"), join(folder, "runtime", "opt", "spatialforge"));
  copy(join(app.folder, PACKAGE), join(folder, "app", "app", PACKAGE));
  if (image.serves) {
    mkdirSync(join(folder, "served")); // static files, which an app need not have
    copy(join(app.folder, "static"), join(folder, "served", "app", "static"));
  }
  const hash = settle(folder);
  leaveCredentials(folder, netrc);
  return { path, hash };
}

/** The netrc file, also when it is empty: the build mounts it. */
function leaveCredentials(folder: string, netrc: string): void {
  const file = join(folder, "credentials", "netrc");
  mkdirSync(dirname(file), { mode: 0o700 });
  writeFileSync(file, netrc, { mode: 0o600 });
  utimesSync(file, EPOCH, EPOCH);
  if (netrc) process.once("exit", () => writeFileSync(file, ""));
}

/** Files of the lock, each under the group and the name by which the Dockerfile knows it. */
function lockParts(lock: string, image: ImageSpec): [from: string, to: string][] {
  return image.groups.flatMap((group) => {
    const files = group === "heavy" ? heavyFiles(image.base, readdirSync(lock)) : [`${group}.txt`];
    return files.map((file): [string, string] => [
      join(lock, file),
      join(group, file === "torch.cpu.txt" ? file : "requirements.txt"),
    ]);
  });
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) return;
  const read = (source: string) => !NOT_READ.test(relative(dirname(from), source).split(sep).join("/"));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter: read, dereference: true });
}

/** Gives all files the same mode and day; the hash of what is there. */
function settle(folder: string): string {
  const hash = createHash("sha256");
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  for (const entry of entries.reverse()) {
    const path = join(folder, entry);
    const isFolder = statSync(path).isDirectory();
    chmodSync(path, isFolder ? 0o755 : 0o644);
    if (!isFolder)
      hash
        .update(`${entry.split(sep).join("/")}\0`)
        .update(readFileSync(path))
        .update("\0");
    utimesSync(path, EPOCH, EPOCH);
  }
  return hash.digest("hex").slice(0, 12);
}
