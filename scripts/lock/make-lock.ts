import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { LockError } from "../../stack/lock/error";
import { formatLockFile, parseLockFile, readLockFiles } from "../../stack/lock/file";
import type { LockFile } from "../../stack/lock/file";
import { lockCommand } from "../../stack/lock/fit";
import { GROUPS, LOCK_FILES, PYTORCH_PACKAGES } from "../../stack/lock/groups";
import type { Group } from "../../stack/lock/groups";
import type { Pin } from "../../stack/lock/pin";
import { readAppProject } from "../../stack/lock/project";
import type { AppProject, Requirement } from "../../stack/lock/project";
import { normalizeName } from "../../stack/lock/requirement-line";
import { ROOT } from "../../stack/root";
import { resolveApp } from "./closure";
import { keepCpuBuilds, keepKnownHashes } from "./hashes";
import { findCpuBuilds } from "./pytorch-index";
import { report } from "./report";

const LOCKS = join(ROOT, "images", "locks");

interface Options {
  readonly app: string;
  readonly name?: string;
  readonly upgrade: boolean;
  readonly check: boolean;
  readonly cpuIndex: string;
}

/**
 * Creates, updates, or checks a lock.
 * @returns true if the lock is unchanged
 * @throws LockError with a message for the user
 */
export async function makeLock({ app, name, upgrade, check, cpuIndex }: Options): Promise<boolean> {
  const project = readProject(app);
  const lockName = normalizeName(name ?? project.name);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(lockName)) {
    throw new LockError(`"${lockName}" is not a valid name for a lock: use letters, digits and dashes`);
  }
  const folder = join(LOCKS, lockName);
  const before = readLockFiles(folder);
  const locked = Object.fromEntries(
    Object.entries(before).map(([file, text]) => [file, readLocked(folder, file, text)]),
  );

  const preferences = upgrade ? [] : GROUPS.flatMap((group) => locked[`${group}.txt`]?.pins ?? []);
  const { groups, heavyCpu } = resolveApp(project, preferences);

  // Only a path inside this repository is the same on each machine.
  const inside = relative(ROOT, resolve(app));
  const command = lockCommand(inside.startsWith("..") || inside === "" ? "PATH" : inside, lockName);
  const after: Record<string, string> = {};
  const put = (file: string, pins: readonly Pin[], requirements: readonly Requirement[]): void => {
    const title = `${lockName}: ${file}, made by \`${command}\`; do not edit.`;
    after[file] = formatLockFile({ roots: requirements.map(({ root }) => root), python: project.python, pins }, title);
  };
  const requirementsOf = (group: Group): Requirement[] => project.requirements.filter((one) => one.group === group);
  GROUPS.forEach((group) => put(`${group}.txt`, groups[group], requirementsOf(group)));

  const isPytorch = (one: { readonly name: string }): boolean => PYTORCH_PACKAGES.includes(one.name);
  const isOther = (one: { readonly name: string }): boolean => !isPytorch(one);
  const pytorch = heavyCpu.filter(isPytorch);
  if (pytorch.length > 0) {
    const found = await findCpuBuilds(cpuIndex, pytorch, project.python);
    if ("unreachable" in found) {
      console.warn(`torch.cpu.txt has no new hashes: ${found.unreachable}`);
    }
    const previous = upgrade ? [] : (locked["torch.cpu.txt"]?.pins ?? []);
    const builds =
      "pins" in found ? keepKnownHashes(found.pins, previous) : keepCpuBuilds(pytorch, locked["torch.cpu.txt"]);
    put("torch.cpu.txt", builds, requirementsOf("heavy").filter(isPytorch));
    put("heavy.cpu.txt", heavyCpu.filter(isOther), requirementsOf("heavy").filter(isOther));
  }

  const changed = LOCK_FILES.filter((file) => before[file] !== after[file]);
  report(lockName, before, after, changed);
  if (!check && changed.length > 0) {
    mkdirSync(folder, { recursive: true });
    for (const file of changed) {
      if (after[file] === undefined) {
        rmSync(join(folder, file));
      } else {
        writeFileSync(join(folder, file), after[file]);
      }
    }
  }
  if (check && changed.length > 0) {
    console.error(`The lock is out of date. Update it with: ${command}`);
  }
  return changed.length === 0;
}

function readLocked(folder: string, file: string, text: string): LockFile {
  try {
    return parseLockFile(text);
  } catch (error) {
    const path = join(folder, file);
    throw new LockError(`${path}: ${(error as Error).message}\nRestore this file, or delete it to create it again`);
  }
}

function readProject(app: string): AppProject {
  const file = join(app, "pyproject.toml");
  try {
    return readAppProject(readFileSync(file, "utf8"));
  } catch (error) {
    throw new LockError(
      (error as NodeJS.ErrnoException).code === "ENOENT" ? `${file} does not exist` : (error as Error).message,
    );
  }
}
