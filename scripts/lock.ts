/**
 * `npm run lock`: makes the dependency lock of an app, `images/locks/NAME/`, from its `pyproject.toml`.
 *
 * uv resolves, once for all Pythons and machines that the images can have; what is left to do here is to split its
 * answer into the groups of `stack/source/lock.ts`. Which packages a group's requirements lead to is again uv's answer:
 * the group is resolved alone, held to the versions of the whole.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stringify as stringifyToml } from "smol-toml";
import {
  CUDA_PACKAGES,
  GROUPS,
  GROUP_ROOTS,
  LEFT_OUT,
  LOCK_ENVIRONMENT,
  LOCK_FILES,
  LockError,
  PYTORCH_PACKAGES,
  formatLockFile,
  lockCommand,
  normaliseName,
  parseLockFile,
  parsePins,
  pinText,
  readAppProject,
  readLockFiles,
} from "../stack/source/lock";
import { ROOT } from "../stack/root";
import type { AppProject, Group, LockFile, Pin, Requirement } from "../stack/source/lock";
import { findCpuBuilds } from "./pytorch-index";

const LOCKS = join(ROOT, "images", "locks");
const CPU_INDEX = "https://download.pytorch.org/whl/cpu";

const USAGE = `Usage: npm run lock -- [options]

Locks the dependencies of an app to versions with hashes, in images/locks/NAME/.
Needs a package index, and on PATH uv (https://docs.astral.sh/uv/) and any Python 3.

  --app PATH        folder with the app's pyproject.toml (default: sample-app)
  --name NAME       name of the lock (default: the project's name)
  --upgrade         newest versions; without it, pins that still satisfy are kept
  --check           write nothing; exit 1 if something would change
  --cpu-index URL   index of the CPU builds of torch (default: ${CPU_INDEX})
  --help

Only project.dependencies are locked: optional dependencies and dependency groups are not, for no image installs them.
[tool.uv] of the app is not read. Pins that are kept keep their hashes too, as long as the index has them: --upgrade
adds those of wheels that were uploaded since. If the CPU index cannot be reached, torch.cpu.txt names versions without
hashes, or keeps the hashes that it has for these versions.
`;

// ---------------------------------------------------------------------------------------------------------------------
// Resolving

/**
 * uv's settings that reach it through the environment: where packages come from may differ from machine to machine,
 * which ones are chosen may not. UV_EXCLUDE_NEWER is a policy of the user and stays.
 */
const UV_SETTINGS =
  /^UV_(CACHE_DIR|CONCURRENT_.*|DEFAULT_INDEX|EXCLUDE_NEWER|EXTRA_INDEX_URL|HTTP_.*|INDEX|INDEX_URL|INDEX_.*_(PASSWORD|USERNAME)|INSECURE_HOST|KEYRING_PROVIDER|NATIVE_TLS|OFFLINE|PYTHON_.*|SYSTEM_CERTS)$/;

interface Question {
  readonly python: string;
  readonly requirements: readonly string[];
  /** Held to these versions. */
  readonly constraints?: readonly Pin[];
  /** Kept at these versions if possible. */
  readonly preferences?: readonly Pin[];
  /** Names of packages that are not followed, though something needs them. */
  readonly excluded: readonly string[];
  readonly hashes?: boolean;
}

/** Asks uv for the closure of some requirements. */
function compile({
  python,
  requirements,
  constraints = [],
  preferences = [],
  excluded,
  hashes = false,
}: Question): Pin[] {
  if (requirements.length === 0) {
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "lock-"));
  try {
    writeFileSync(
      join(folder, "pyproject.toml"),
      stringifyToml({
        project: { name: "lock", version: "0", "requires-python": `>=${python}`, dependencies: requirements },
        tool: {
          uv: {
            environments: [LOCK_ENVIRONMENT],
            "exclude-dependencies": excluded,
            "constraint-dependencies": constraints.map(pinText),
          },
        },
      }),
    );
    const output = join(folder, "requirements.txt");
    if (preferences.length > 0) {
      // Without hashes, so that uv asks the index for them: it would repeat any that it is given.
      writeFileSync(output, preferences.map((pin) => `${pinText(pin)}\n`).join(""));
    }
    const options = ["--universal", "--python-version", python, "--no-annotate", "--no-header", "--quiet"];
    uv(
      [
        "pip",
        "compile",
        "pyproject.toml",
        "--output-file",
        output,
        ...options,
        ...(hashes ? ["--generate-hashes"] : []),
      ],
      folder,
    );
    return parsePins(readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function uv(args: readonly string[], cwd: string): void {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("UV_") || UV_SETTINGS.test(name)),
  );
  try {
    execFileSync("uv", args, { cwd, env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    throw new LockError(
      code === "ENOENT"
        ? "uv is not on PATH; how to get it: https://docs.astral.sh/uv/"
        : `uv cannot resolve this:\n${stderr ?? String(error)}`,
    );
  }
}

/** The closure of an app, in groups, and the heavy group of the CPU variant. */
interface Closure {
  readonly groups: Readonly<Record<Group, readonly Pin[]>>;
  readonly heavyCpu: readonly Pin[];
}

function resolveApp({ python, requirements }: AppProject, preferences: readonly Pin[]): Closure {
  const named = new Set(requirements.map(({ name }) => name));
  const leftOut = Object.keys(LEFT_OUT).filter((name) => !named.has(name));
  const resolved = compile({
    python,
    requirements: requirements.map(({ text }) => text),
    preferences,
    excluded: leftOut,
    hashes: true,
  });
  const everything = keepKnownHashes(resolved, preferences);
  const unwanted = everything.find(({ name }) => leftOut.includes(name));
  if (unwanted) {
    throw new LockError(`this uv knows no exclude-dependencies: it locks ${unwanted.name} all the same; update it`);
  }

  // A heavy package starts the heavy group even if only a light one needs it: what it brings along is heavy too.
  const heavyNames = [...new Set(everything.map(({ name }) => name))].filter((name) =>
    GROUP_ROOTS.heavy.includes(name),
  );
  const rootsOf = (group: Group): string[] => requirements.filter((one) => one.group === group).map(({ text }) => text);
  const closureOf = (roots: readonly string[], excluded: readonly string[] = []): Set<string> => {
    const pins = compile({ python, requirements: roots, constraints: everything, excluded: [...leftOut, ...excluded] });
    return new Set(pins.map(({ name }) => name));
  };
  const heavy = closureOf([...rootsOf("heavy"), ...heavyNames]);
  const light = closureOf(rootsOf("light"), heavyNames);
  const web = closureOf(rootsOf("web"));
  const cuda = [...heavy].filter((name) => CUDA_PACKAGES.test(name));
  const heavyCpu = cuda.length > 0 ? closureOf([...rootsOf("heavy"), ...heavyNames], cuda) : heavy;

  // Light is the rest as well: the extra of a heavy package, say, that a light one asks for.
  const groupOfPin = ({ name }: Pin): Group =>
    light.has(name) ? "light" : heavy.has(name) ? "heavy" : web.has(name) ? "web" : "light";
  const pinsOf = (group: Group): Pin[] => everything.filter((pin) => groupOfPin(pin) === group);
  return {
    groups: { heavy: pinsOf("heavy"), light: pinsOf("light"), web: pinsOf("web") },
    heavyCpu: pinsOf("heavy").filter(({ name }) => heavyCpu.has(name)),
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Hashes

/**
 * Keeps the hashes of an earlier lock where the index still has all of them: a wheel that was uploaded later, for
 * another Python perhaps, must not make a lock stale that nobody touched. A hash that the index does not have goes.
 */
function keepKnownHashes(pins: readonly Pin[], earlier: readonly Pin[]): Pin[] {
  return pins.map((pin) => {
    const known = hashesOf(pin, earlier) ?? [];
    return known.length > 0 && known.every((hash) => pin.hashes.includes(hash)) ? { ...pin, hashes: known } : pin;
  });
}

/** The CPU builds that an earlier lock has of these very versions, or the versions alone. */
function keepBuilds(pins: readonly Pin[], earlier: LockFile | undefined): Pin[] {
  return pins.flatMap((pin) => {
    const builds =
      earlier?.pins.filter(({ name, version }) => name === pin.name && version.split("+")[0] === pin.version) ?? [];
    return builds.length > 0 ? builds : [{ ...pin, hashes: [] }];
  });
}

function hashesOf({ name, version }: Pin, pins: readonly Pin[]): readonly string[] | undefined {
  return pins.find((pin) => pin.name === name && pin.version === version)?.hashes;
}

// ---------------------------------------------------------------------------------------------------------------------
// The command

interface Options {
  readonly app: string;
  readonly name?: string;
  readonly upgrade: boolean;
  readonly check: boolean;
  readonly cpuIndex: string;
}

/** Makes or checks one lock; true if it is as it was. */
async function lock({ app, name, upgrade, check, cpuIndex }: Options): Promise<boolean> {
  const project = readProject(app);
  const lockName = normaliseName(name ?? project.name);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(lockName)) {
    throw new LockError(`"${lockName}" is no name for a lock: letters, digits and dashes only`);
  }
  const folder = join(LOCKS, lockName);
  const before = readLockFiles(folder);
  const locked = Object.fromEntries(
    Object.entries(before).map(([file, text]) => [file, readLocked(folder, file, text)]),
  );

  const preferences = upgrade ? [] : GROUPS.flatMap((group) => locked[`${group}.txt`]?.pins ?? []);
  const { groups, heavyCpu } = resolveApp(project, preferences);

  // Only a path inside this repository means the same to everyone.
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
    const answer = await findCpuBuilds(cpuIndex, pytorch, project.python);
    if ("unreachable" in answer) {
      console.warn(`No new hashes in torch.cpu.txt: ${answer.unreachable}`);
    }
    const earlier = upgrade ? [] : (locked["torch.cpu.txt"]?.pins ?? []);
    const builds =
      "pins" in answer ? keepKnownHashes(answer.pins, earlier) : keepBuilds(pytorch, locked["torch.cpu.txt"]);
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
    console.error(`The lock is out of date; to renew it: ${command}`);
  }
  return changed.length === 0;
}

function readLocked(folder: string, file: string, text: string): LockFile {
  try {
    return parseLockFile(text);
  } catch (error) {
    const where = join(folder, file);
    throw new LockError(
      `${where}: ${(error as Error).message}\nRestore that file, or delete it to lock its part afresh`,
    );
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

/** One line for each file, then one for each pin that came, went or moved. */
function report(
  name: string,
  before: Record<string, string>,
  after: Record<string, string>,
  changed: readonly string[],
): void {
  for (const file of LOCK_FILES.filter((one) => one in before || one in after)) {
    const state = !changed.includes(file)
      ? "unchanged"
      : !(file in before)
        ? "new"
        : !(file in after)
          ? "removed"
          : "changed";
    const distributions = new Set(parsePins(after[file] ?? "").map((pin) => pin.name)).size;
    console.log(`${join("images", "locks", name, file)}: ${distributions} distributions, ${state}`);
  }
  const lines = (files: Record<string, string>): Set<string> =>
    new Set(
      GROUPS.flatMap((group) => parsePins(files[`${group}.txt`] ?? "").map((pin) => `${pinText(pin)} (${group})`)),
    );
  const [old, now] = [lines(before), lines(after)];
  if (old.size > 0) {
    [...old].filter((line) => !now.has(line)).forEach((line) => console.log(`  - ${line}`));
    [...now].filter((line) => !old.has(line)).forEach((line) => console.log(`  + ${line}`));
  }
}

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        app: { type: "string", default: join(ROOT, "sample-app") },
        name: { type: "string" },
        upgrade: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        "cpu-index": { type: "string", default: CPU_INDEX },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const { app, name, upgrade, check } = values;
    const same = await lock({ app, name, upgrade, check, cpuIndex: values["cpu-index"] });
    return check && !same ? 1 : 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("ERR_PARSE_ARGS")) {
      console.error(`${message}\n\n${USAGE}`);
      return 2;
    }
    if (error instanceof LockError) {
      console.error(message);
      return 1;
    }
    throw error;
  }
}

if (require.main === module) {
  void main().then((code) => {
    process.exitCode = code;
  });
}
