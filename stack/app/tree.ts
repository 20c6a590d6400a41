import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
  type Stats,
} from "node:fs";
import { join, relative, sep } from "node:path";
import type { Problem } from "../config/problem";

/**
 * Largest file that Node.js reads as a whole, in bytes: staging reads each file to hash it. Source: `ERR_FS_FILE_TOO_LARGE`,
 * https://nodejs.org/api/errors.html
 */
const MAXIMUM_BYTES = 2 ** 31 - 1;

/** Start of a Git LFS pointer, which is smaller than 1024 bytes. Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
const POINTER_START = "version https://git-lfs.github.com/spec/v1\n";
const POINTER_BYTES = 1024;

/** Names in one message. */
const MAXIMUM_NAMES = 10;

/** Why an image cannot contain a file, each with its remedy. Messages are in this order. */
const REMEDIES = {
  dangling: "the target of the symbolic link does not exist: fix or delete the link",
  loop: "the symbolic links form a loop: delete one of them",
  submodule: "the submodule is not checked out: run `git submodule update --init --recursive` in the repository",
  special: "this is a FIFO, a socket, or a device: delete it",
  large:
    "the file is larger than 2 GiB, which staging cannot read: keep it out of the package, for example in MODEL_DIR on the model volume",
  pointer: "Git LFS has not downloaded the file, only its pointer is here:",
} as const;

type Kind = keyof typeof REMEDIES;

/**
 * Problems of files in a source tree that an image cannot contain.
 * @param root - absolute path of the tree. Messages contain paths relative to it.
 * @param parts - absolute paths of the folders that images contain. A folder that does not exist is no problem.
 * @param isLeftOut - whether no image contains a path, relative to the folder that contains its part
 * @param downloadLfs - how to download the files in Git LFS
 */
export function treeProblems(
  root: string,
  parts: readonly string[],
  isLeftOut: (path: string) => boolean,
  downloadLfs: string,
): Problem[] {
  const found: Partial<Record<Kind, string[]>> = {};
  for (const part of parts) {
    walk(
      part,
      (path) => isLeftOut(posix(relative(join(part, ".."), path))),
      (kind, path) => {
        (found[kind] ??= []).push(posix(relative(root, path)));
      },
    );
  }
  return (Object.keys(REMEDIES) as Kind[]).flatMap((kind) => {
    const names = found[kind];
    if (!names) return [];
    const remedy = kind === "pointer" ? `${REMEDIES.pointer} ${downloadLfs}` : REMEDIES[kind];
    return [{ key: "app", value: listed(names), remedy }];
  });
}

function walk(
  path: string,
  isLeftOut: (path: string) => boolean,
  report: (kind: Kind, path: string) => void,
  parents: readonly string[] = [],
): void {
  if (isLeftOut(path) || !lstatSync(path, { throwIfNoEntry: false })) return;
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    return report((error as NodeJS.ErrnoException).code === "ELOOP" ? "loop" : "dangling", path);
  }
  if (stats.isDirectory()) {
    const real = realpathSync(path);
    if (parents.includes(real)) return report("loop", path);
    const names = readdirSync(path).sort();
    if (names.length === 0 && isSubmodule(real)) return report("submodule", path);
    for (const name of names) walk(join(path, name), isLeftOut, report, [...parents, real]);
  } else if (!stats.isFile()) report("special", path);
  else if (stats.size > MAXIMUM_BYTES) report("large", path);
  else if (stats.size < POINTER_BYTES && isPointer(path)) report("pointer", path);
}

/** Whether a `.gitmodules` in a parent folder names a folder. Source: https://git-scm.com/docs/gitmodules */
function isSubmodule(folder: string): boolean {
  const parents = folder.split(sep).map((_, depth, names) => names.slice(0, depth).join(sep) || sep);
  return parents.some((parent) => {
    const file = join(parent, ".gitmodules");
    const paths = existsSync(file) ? [...readFileSync(file, "utf8").matchAll(/^\s*path\s*=\s*(.*?)\s*$/gm)] : [];
    return paths.some(([, path]) => join(parent, path) === folder);
  });
}

function isPointer(path: string): boolean {
  const start = Buffer.alloc(POINTER_START.length);
  const file = openSync(path, "r");
  try {
    readSync(file, start);
  } finally {
    closeSync(file);
  }
  return start.toString() === POINTER_START;
}

const posix = (path: string): string => path.split(sep).join("/");

function listed(names: readonly string[]): string {
  const more = names.length - MAXIMUM_NAMES;
  return names.slice(0, MAXIMUM_NAMES).join(", ") + (more > 0 ? `, and ${more} more` : "");
}
