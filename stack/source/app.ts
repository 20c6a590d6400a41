import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { readLockFiles } from "../lock/file";
import { lockProblems } from "../lock/fit";
import { readAppProject } from "../lock/project";
import { ROOT } from "../root";
import type { Problem } from "../settings/parse";
import type { Settings } from "../settings/schema";

const run = promisify(execFile);

/** An application's source tree on this machine. */
export interface AppSource {
  /** Absolute path of the folder that holds `pyproject.toml`. */
  folder: string;
  /** Absolute path of the folder of its lock. */
  lock: string;
  version: string;
  /** Where it comes from, for the image's label: the repository, or nothing. */
  origin: string;
  /** The ref of a repository, as a release id can hold it. */
  ref?: string;
  problems(): Problem[];
}

/**
 * Opens the app that the settings name; a repository is checked out once, into `.cache/apps`.
 * @throws Error with a remedy when there is no such folder, repository or ref, or no `pyproject.toml` in it.
 */
export async function openApp(app: Settings["app"]): Promise<AppSource> {
  const folder = "path" in app ? resolve(ROOT, app.path) : await checkOut(app.repository, app.ref);
  const file = join(folder, "pyproject.toml");
  if (!existsSync(folder))
    throw new Error("there is no such folder: give a path from the project's folder, or an absolute one");
  if (!existsSync(file))
    throw new Error("the folder has no pyproject.toml: name the folder of the application's source");
  if (!existsSync(join(folder, "spatialforge")))
    throw new Error("the folder has no package spatialforge: name the folder of the application's source");
  const text = readFileSync(file, "utf8");
  const project = readAppProject(text);
  const lock = join(ROOT, "images", "locks", project.name);
  return {
    folder,
    lock,
    version: /^version\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? "0",
    ...("path" in app ? { origin: "" } : { origin: app.repository, ref: refOf(app.ref) }),
    problems: () =>
      lockProblems(text, readLockFiles(lock), { path: "path" in app ? app.path : folder }).map(
        ({ requirement, locked, remedy }) => ({
          key: "app",
          value: `${requirement} (locked: ${locked})`,
          remedy,
        }),
      ),
  };
}

/** A commit by its first 12 digits, any other ref in the characters of a tag. */
const refOf = (ref: string): string =>
  COMMIT.test(ref)
    ? ref.slice(0, 12)
    : ref
        .toLowerCase()
        .replace(/[^a-z0-9._]+/g, "-")
        .replace(/^\W+/, "")
        .slice(0, 40);

const COMMIT = /^[0-9a-f]{40}$/;

async function checkOut(repository: string, ref: string): Promise<string> {
  const folder = join(
    ROOT,
    ".cache",
    "apps",
    createHash("sha256").update(`${repository} ${ref}`).digest("hex").slice(0, 16),
  );
  // A branch moves; only a commit is the same for ever.
  if (existsSync(folder) && COMMIT.test(ref)) return folder;
  const fresh = `${folder}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  try {
    await git("clone", "--quiet", "--no-checkout", repository, fresh).catch((error) => {
      throw new Error(`the repository can't be read (${lastLine(error)}): check its address and your access`);
    });
    await git("-C", fresh, "checkout", "--quiet", "--detach", ref)
      .catch(() => git("-C", fresh, "checkout", "--quiet", "--detach", `origin/${ref}`))
      .catch(() => {
        throw new Error(`the repository has no ref ${ref}: give a commit, tag or branch of it`);
      });
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return folder;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const git = (...args: string[]) => run("git", args, { env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });

const lastLine = (error: { stderr?: string; message: string }) =>
  (error.stderr || error.message).trim().split("\n").at(-1);
