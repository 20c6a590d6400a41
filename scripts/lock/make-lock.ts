import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve as resolvePath } from "node:path";
import { withoutCredentials } from "../../stack/config/problem";
import { LockError } from "../../stack/lock/error";
import { readLockFiles } from "../../stack/lock/files";
import { lockCommand, recordedInputs } from "../../stack/lock/fit";
import type { LockRecord } from "../../stack/lock/fit";
import { COMPILED, GROUP_ROOTS, GROUPS, INPUTS_FILE } from "../../stack/lock/groups";
import { lockInputs } from "../../stack/lock/inputs";
import type { LockInputs } from "../../stack/lock/inputs";
import { readAppProject } from "../../stack/lock/project";
import type { AppProject, LockChoice } from "../../stack/lock/project";
import { normalizeName } from "../../stack/lock/requirement";
import { ROOT } from "../../stack/root";
import { checkPackages, compareWithAppLock } from "./checks";
import { byFile, compiledPackages } from "./compiled";
import { formatPins, keepKnownHashes, parsePins } from "./pins";
import type { Pin } from "./pins";
import { report } from "./report";
import type { LockFiles } from "./report";
import { resolve } from "./resolve";
import type { Resolution, ResolveArgs } from "./resolve";

export interface Options {
  /** Folder with the app's `pyproject.toml`. */
  readonly app: string;
  readonly choice: LockChoice;
  /** Default: the project's name. */
  readonly name?: string;
  readonly upgrade: boolean;
  readonly check: boolean;
  /** Index of the CPU builds of torch. Undefined: locks the CPU variant without it, and without hashes of torch. */
  readonly cpuIndex?: string;
  /** Folder with all locks. Default: that of the project. */
  readonly locks?: string;
}

/**
 * Creates, updates, or checks a lock.
 * @returns true if the lock is unchanged
 * @throws LockError with a message for the user
 */
export async function makeLock(options: Options): Promise<boolean> {
  const { app, choice, check, locks = join(ROOT, "images", "locks") } = options;
  const project = readProject(app);
  const lockName = normalizeName(options.name ?? project.name);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(lockName)) {
    throw new LockError(`"${lockName}" is not a valid name for a lock: use letters, digits and dashes`);
  }
  const folder = join(locks, lockName);
  const before = readLockFiles(folder);
  const after = await lockFiles(project, lockName, before, options);
  report(lockName, before, after);
  const changed = [...Object.keys(before), ...Object.keys(after)].some((file) => before[file] !== after[file]);
  if (changed && check) {
    // Only a path inside this repository is the same on each machine.
    const inside = relative(ROOT, resolvePath(app));
    const path = inside.startsWith("..") || inside === "" ? "PATH" : inside;
    console.error(`The lock is out of date. Update it with: ${lockCommand(path, lockName, choice)}`);
  } else if (changed) {
    mkdirSync(folder, { recursive: true });
    for (const file of Object.keys(before)) rmSync(join(folder, file));
    for (const [file, text] of Object.entries(after)) writeFileSync(join(folder, file), text);
  }
  return !changed;
}

async function lockFiles(
  project: AppProject,
  lockName: string,
  before: LockFiles,
  { app, choice, upgrade, cpuIndex }: Options,
): Promise<LockFiles> {
  const inputs = lockInputs(project, choice);
  const previous = upgrade ? [] : allPins(before, (file) => !file.endsWith(".cpu.txt"));
  const previousCpu = upgrade ? [] : allPins(before, () => true);
  const appLock = existsSync(join(app, "uv.lock")) ? readFileSync(join(app, "uv.lock"), "utf8") : undefined;
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  try {
    const args = { name: project.name, inputs };
    const gpu = await resolveOrFail("the dependencies", {
      ...args,
      folder: join(folder, "gpu"),
      versions: appLock ?? previous,
    });
    if (appLock) compareWithAppLock(gpu, appLock);
    checkPackages(gpu, project);
    const file = (name: string, pins: readonly Pin[], { packages }: Resolution, known: readonly Pin[]) => ({
      [name]: formatPins(
        `${lockName}: ${name}`,
        keepKnownHashes(pins, known),
        indexesOf(pins, packages, inputs).map((url) => `--extra-index-url ${url}`),
      ),
    });
    const after: Record<string, string> = {};
    for (const group of GROUPS) {
      const pins = byFile(gpu.groups[group], gpu);
      Object.assign(after, file(`${group}.txt`, pins.get(undefined) ?? [], gpu, previous));
      for (const suffix of COMPILED) {
        const compiled = pins.get(suffix);
        if (compiled) Object.assign(after, file(`${group}.${suffix}`, compiled, gpu, previous));
      }
    }
    const withoutHashes: string[] = [];
    if (gpu.groups.torch.length > 0) {
      const cuda = gpu.groups.cuda.map(({ name }) => name);
      const cpu = await resolveOrFail(
        cpuIndex
          ? `the CPU variant with the index ${cpuIndex} (if it cannot be reached, lock with --without-cpu-index)`
          : "the CPU variant",
        { ...args, folder: join(folder, "cpu"), versions: gpu.lock, cpu: { pins: gpu.pins, cuda, index: cpuIndex } },
      );
      if (!cpuIndex) withoutHashes.push(...new Set(cpu.groups.torch.map(({ text }) => text.split(" ; ")[0])));
      const isTorch = ({ name }: Pin) => GROUP_ROOTS.torch.includes(name);
      for (const group of GROUPS.filter((one) => one !== "cuda")) {
        const wheels = byFile(cpu.groups[group], cpu).get(undefined) ?? [];
        const pins = wheels.map((pin) => (!cpuIndex && isTorch(pin) ? { ...pin, hashes: [] } : pin));
        const [[name, text]] = Object.entries(file(`${group}.cpu.txt`, pins, cpu, previousCpu));
        const same = text.replace(name, `${group}.txt`) === after[`${group}.txt`];
        if (group === "torch" || !same) after[name] = text;
      }
    }
    const compiled = compiledPackages(gpu);
    const record: LockRecord = { inputs: recordedInputs(inputs), withoutHashes, compiled };
    for (const [name, reason] of Object.entries(compiled)) {
      console.log(
        `${name} is compiled in the image build (${reason}); app.buildPackages lists the OS packages that it needs`,
      );
    }
    return { ...after, [INPUTS_FILE]: `${JSON.stringify(record, null, 2)}\n` };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The indexes in `[tool.uv]` from which packages come, without credentials. An image build does not know them from its settings. */
function indexesOf(pins: readonly Pin[], packages: Resolution["packages"], inputs: LockInputs): string[] {
  const { index = [], "extra-index-url": extra = [], "index-url": main } = inputs["tool.uv"] as UvIndexes;
  const declared = [...index.map(({ url }) => url), ...extra, ...(main ? [main] : [])].map(withoutCredentials);
  const registries = packages
    .filter(({ name }) => pins.some((pin) => pin.name === name))
    .map(({ source }) => withoutCredentials(source.registry ?? ""));
  const bare = (url: string) => url.replace(/\/$/, "");
  return declared.filter((url) => registries.map(bare).includes(bare(url))).sort();
}

interface UvIndexes {
  readonly index?: readonly { readonly url: string }[];
  readonly "extra-index-url"?: readonly string[];
  readonly "index-url"?: string;
}

async function resolveOrFail(what: string, args: ResolveArgs) {
  try {
    return await resolve(args);
  } catch (error) {
    if (error instanceof LockError) throw new LockError(`uv cannot resolve ${what}:\n${error.message}`);
    throw error;
  }
}

function allPins(files: LockFiles, wanted: (file: string) => boolean): Pin[] {
  return Object.entries(files)
    .filter(([file]) => file.endsWith(".txt") && wanted(file))
    .flatMap(([file, text]) => {
      try {
        return parsePins(text);
      } catch (error) {
        throw new LockError(`${file}: ${(error as Error).message}\nRestore this file, or delete it to create it again`);
      }
    });
}

function readProject(app: string): AppProject {
  const file = join(app, "pyproject.toml");
  if (!existsSync(file)) throw new LockError(`${file} does not exist${missingProjectRemedy(app)}`);
  return readAppProject(readFileSync(file, "utf8"));
}

/** What to do about a folder without a `pyproject.toml`. Empty if nothing is known about it. */
function missingProjectRemedy(app: string): string {
  if (!existsSync(app)) return "";
  if (existsSync(join(app, "requirements.txt"))) {
    return ": create it with `uv init --bare` and `uv add --requirements requirements.txt`";
  }
  const folders = readdirSync(app).filter((name) => existsSync(join(app, name, "pyproject.toml")));
  return folders.length > 0
    ? `: use the folder of the project (${folders.map((name) => join(app, name)).join(", ")})`
    : "";
}
