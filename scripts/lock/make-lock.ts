import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LockError } from "../../stack/lock/error";
import { readLockFiles } from "../../stack/lock/files";
import { recordedInputs, type LockRecord } from "../../stack/lock/fit";
import { COMPILED, GROUP_ROOTS, GROUPS, INPUTS_FILE, type Group } from "../../stack/lock/groups";
import { lockInputs, type LockInputs } from "../../stack/lock/inputs";
import { readAppProject, type AppProject, type LockChoice } from "../../stack/lock/project";
import { ROOT } from "../../stack/root";
import { compareWithAppLock, readAppLock } from "./app-lock";
import { checkPackages, checkTorchVersions, cudaBuildRemedy } from "./checks";
import { endingOf } from "./compiled";
import { cpuProject, gpuProject, withoutLocalVersion } from "./derived-project";
import { formatPins, keepKnownHashes, type Pin } from "./pins";
import { hasPythonsOf, pinsOf } from "./previous-lock";
import { report, type LockFiles } from "./report";
import { groupsOf, resolve, type LockedPackage } from "./resolve";

export interface Options {
  /** Folder of an app in the supported form (`stack/app/shape.ts`). */
  readonly app: string;
  readonly choice: LockChoice;
  /** Use the newest versions, and add the hashes of wheels that were uploaded later. Default: false. */
  readonly upgrade?: boolean;
  /** Write nothing. Default: false. */
  readonly check?: boolean;
  /** Index of the CPU builds of torch. Undefined: locks the CPU variant without it, and without hashes of torch. */
  readonly cpuIndex?: string;
  /** Folder with all locks. Default: that of this project. */
  readonly locks?: string;
}

/**
 * Creates, updates, or checks a lock.
 * @returns true if the lock is unchanged
 * @throws LockError with a message for the user
 */
export async function makeLock(options: Options): Promise<boolean> {
  const { app, choice, check, locks = join(ROOT, "images", "locks") } = options;
  const project = readAppProject(readFileSync(join(app, "pyproject.toml"), "utf8"));
  const { inputs, problems } = lockInputs(project, choice);
  if (problems.length > 0) throw new LockError(problems.join("\n"));
  const folder = join(locks, project.name);
  const before = readLockFiles(folder);
  const temporary = mkdtempSync(join(tmpdir(), "lock-"));
  let after: LockFiles;
  try {
    after = await lockFiles(project, inputs, before, temporary, options);
  } finally {
    rmSync(temporary, { recursive: true });
  }
  const changed = report(`images/locks/${project.name}`, before, after);
  if (changed && !check) {
    mkdirSync(folder, { recursive: true });
    for (const file of Object.keys(before)) rmSync(join(folder, file));
    for (const [file, text] of Object.entries(after)) writeFileSync(join(folder, file), text);
  }
  return !changed;
}

async function lockFiles(
  project: AppProject,
  inputs: LockInputs,
  before: LockFiles,
  temporary: string,
  { app, upgrade, cpuIndex }: Options,
): Promise<LockFiles> {
  const known = (file: string) => (upgrade ? [] : pinsOf(before, file));
  const samePythons = hasPythonsOf(inputs, before);
  const appLock = readAppLock(app);
  const previous = Object.keys(before).filter((file) => file.endsWith(".txt") && !file.endsWith(".cpu.txt"));
  const gpu = gpuProject(project.name, inputs);
  const versions = appLock?.text ?? previous.flatMap(known);
  const resolved = await resolve(join(temporary, "gpu"), gpu, inputs, versions).catch((error: Error) => {
    throw new LockError(error.message + cudaBuildRemedy(inputs));
  });
  if (appLock) compareWithAppLock(resolved, appLock);
  checkPackages(resolved, project);
  checkTorchVersions(resolved.pins.filter(({ name }) => GROUP_ROOTS.torch.includes(name)));

  const files: Record<string, string> = {};
  const write = (file: string, pins: readonly Pin[], packages: readonly LockedPackage[]) => {
    const options = indexesOf(pins, packages, inputs).map((url) => `--extra-index-url ${url}`);
    files[file] = formatPins(
      `${project.name}: ${file}`,
      samePythons ? keepKnownHashes(pins, known(file)) : pins,
      options,
    );
  };
  const groupOf = await groupsOf(resolved);
  const inGroup = (group: Group, ending = "txt") =>
    resolved.pins.filter((pin) => groupOf(pin.name) === group && endingOf(pin, resolved.packages) === ending);
  const compiled: Record<string, string> = {};
  for (const group of GROUPS) {
    write(`${group}.txt`, inGroup(group), resolved.packages);
    for (const [ending, reason] of Object.entries(COMPILED)) {
      const pins = inGroup(group, ending);
      if (pins.length > 0) write(`${group}.${ending}`, pins, resolved.packages);
      for (const { name } of pins) compiled[name] = reason;
    }
  }
  for (const [name, reason] of Object.entries(compiled)) {
    console.log(
      `${name} is compiled in the image build (${reason}); app.buildPackages lists the OS packages that it needs`,
    );
  }

  const torch = inGroup("torch");
  const withoutHashes: string[] = [];
  if (torch.length > 0 && cpuIndex) {
    const cuda = inGroup("cuda").map(({ name }) => name);
    const project = cpuProject(gpu, resolved.pins, cuda, cpuIndex);
    const cpu = await resolve(join(temporary, "cpu"), project, inputs, resolved.lock).catch((error: Error) => {
      const hint = "if it cannot be reached, lock with --without-cpu-index";
      throw new LockError(`the CPU variant with the index ${cpuIndex} (${hint}): ${error.message}`);
    });
    const added = cpu.pins.filter(({ name }) => !resolved.pins.some((pin) => pin.name === name));
    const builds = cpu.pins.filter(({ name }) => groupOf(name) === "torch");
    write("torch.cpu.txt", builds, cpu.packages);
    if (added.length > 0) write("heavy.cpu.txt", [...inGroup("heavy"), ...added], cpu.packages);
  } else if (torch.length > 0) {
    const pins = torch.map((pin) => ({ ...pin, text: withoutLocalVersion(pin.text), hashes: [] }));
    write("torch.cpu.txt", pins, []);
    withoutHashes.push(...pins.map(({ text }) => text));
  }
  const record: LockRecord = {
    inputs: recordedInputs(inputs),
    withoutHashes,
    compiled,
    files: Object.keys(files).sort(),
  };
  return { ...files, [INPUTS_FILE]: `${JSON.stringify(record, null, 2)}\n` };
}

/** The indexes in `[tool.uv]` from which packages come, without credentials. An image build does not know them from its settings. */
function indexesOf(pins: readonly Pin[], packages: readonly LockedPackage[], inputs: LockInputs): string[] {
  const declared = JSON.stringify(recordedInputs(inputs)["tool.uv"]);
  const used = packages.filter(({ name }) => pins.some((pin) => pin.name === name));
  const urls = new Set(used.map(({ source }) => source.registry ?? ""));
  return [...urls].filter((url) => url && declared.includes(`"${url}`)).sort();
}
