/**
 * The dependency locks of an app: how they are grouped, written, read and checked against the app's `pyproject.toml`.
 *
 * A lock is a folder, `images/locks/NAME/`, of requirement files with hashes. Each is one image layer, in this order:
 *
 * | file            | holds                                                                   | in        |
 * | --------------- | ----------------------------------------------------------------------- | --------- |
 * | `heavy.txt`     | large, rarely changing packages, and what only they need                | GPU images |
 * | `torch.cpu.txt` | torch and its siblings, which the PyTorch CPU index serves              | CPU image |
 * | `heavy.cpu.txt` | the rest of `heavy.txt` that is left without CUDA                       | CPU image |
 * | `light.txt`     | everything else; what heavy and light packages share is here, so that a change of it leaves the heavy layer alone | all |
 * | `web.txt`       | the web server, and what only it needs                                  | the API's |
 *
 * The two CPU files exist only if the closure has torch; see {@link heavyFiles}.
 *
 * Nothing here resolves anything or reaches a network: that is `scripts/lock.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { satisfies } from "@renovatebot/pep440";
import { parsePipRequirementsLine } from "pip-requirements-js";
import type {
  EnvironmentMarker,
  EnvironmentMarkerLeaf,
  Requirement as ParsedRequirement,
  ProjectNameRequirement,
} from "pip-requirements-js";
import { parse as parseToml } from "smol-toml";

/** Groups that partition the closure. */
export const GROUPS = ["heavy", "light", "web"] as const;
export type Group = (typeof GROUPS)[number];

/** Packages that start a group; a requirement that is in neither list is light. Normalised names. */
export const GROUP_ROOTS: Readonly<Record<Exclude<Group, "light">, readonly string[]>> = {
  heavy: [
    "accelerate",
    "diffusers",
    "numba",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "open3d",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "safetensors",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "tensorrt",
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "xformers",
  ],
  web: ["gunicorn", "hypercorn", "uvicorn"],
};

/** Packages whose CPU builds come from PyTorch's own index: PyPI's need CUDA on Linux. */
export const PYTORCH_PACKAGES: readonly string[] = ["torch", "torchaudio", "torchvision"];

/** CUDA libraries and the compiler for it, by normalised name: cut out of the closure of the CPU variant. */
export const CUDA_PACKAGES = /^(nvidia-|cuda-|triton$)/;

/**
 * Packages that are required but never installed, and why. Only `torch` asks for them; an app that names one of them
 * itself gets it.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  triton: "a gigabyte for torch.compile on a GPU, and serving compiles nothing; torch does without it",
  "cuda-bindings": "torch does without it; green contexts and the inspection of CUDA graphs need it",
  "cuda-pathfinder": "only cuda-bindings needs it",
};

/** Lowest Python that a lock covers unless the app's `requires-python` excludes it; there is no upper limit. */
const LOWEST_MINOR = 11;
/** How many minor versions markers are evaluated for; versions that a marker names are added to them. */
const MINORS = 20;
/** `platform_machine` values that a lock covers. */
export const MACHINES = ["x86_64", "aarch64"] as const;

/** The environments of a lock, as uv's `tool.uv.environments` wants them. */
export const LOCK_ENVIRONMENT = `sys_platform == 'linux' and implementation_name == 'cpython' and (${MACHINES.map(
  (machine) => `platform_machine == '${machine}'`,
).join(" or ")})`;

/** A failure that whoever runs this can mend; its message is all there is to show. */
export class LockError extends Error {}

/** One line of a lock. */
export interface Pin {
  readonly name: string;
  readonly version: string;
  /** Where the pin applies; everywhere if absent. */
  readonly marker?: EnvironmentMarker;
  /** `sha256:...`, sorted. */
  readonly hashes: readonly string[];
}

/** One parsed lock file. */
export interface LockFile {
  /** Requirements of the app that this file serves, `name[extra,...]`. */
  readonly roots: readonly string[];
  /** Lowest Python the file was resolved for, such as `3.11`. */
  readonly python?: string;
  readonly pins: readonly Pin[];
}

/** A reason why a lock does not serve a `pyproject.toml`. */
export interface Problem {
  /** What the app asks for. */
  readonly requirement: string;
  /** What the lock has instead. */
  readonly locked: string;
  /** The command that mends it. */
  readonly remedy: string;
}

/** A dependency of the app. */
export interface Requirement {
  /** As the app spells it. */
  readonly text: string;
  /** Normalised. */
  readonly name: string;
  /** `name[extra,...]`, normalised: what a lock records as its roots. */
  readonly root: string;
  readonly group: Group;
  /** Version specifier, such as `>=1,<2`; empty if any version will do. */
  readonly specifier: string;
  readonly marker?: EnvironmentMarker;
}

/** What a lock is made from. */
export interface AppProject {
  readonly name: string;
  /** Lowest Python to lock for, such as `3.11`. */
  readonly python: string;
  /** Dependencies that apply on Linux. Optional dependencies are not among them: no image installs an extra of the app. */
  readonly requirements: readonly Requirement[];
}

/** Name as in PEP 503: `Foo_Bar` and `foo.bar` are `foo-bar`. */
export function normaliseName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/**
 * Reads what a lock needs of a `pyproject.toml`.
 *
 * @throws LockError with one sentence if it names no project, has no plain list of dependencies, or a dependency that
 * cannot be locked by version and hash; TomlError if it is no TOML.
 */
export function readAppProject(pyprojectText: string): AppProject {
  const { project } = parseToml(pyprojectText) as { project?: Record<string, unknown> };
  if (typeof project?.name !== "string") {
    throw new LockError("pyproject.toml has no project.name");
  }
  if (Array.isArray(project.dynamic) && project.dynamic.includes("dependencies")) {
    throw new LockError("pyproject.toml says that its dependencies are dynamic: list them in project.dependencies");
  }
  const dependencies = project.dependencies ?? [];
  if (!Array.isArray(dependencies) || !dependencies.every((one) => typeof one === "string")) {
    throw new LockError("project.dependencies in pyproject.toml is no list of strings");
  }
  const python = lowestPython((project["requires-python"] as string | undefined) ?? "");
  return {
    name: normaliseName(project.name),
    python,
    requirements: dependencies
      .map(readRequirement)
      .filter(({ marker }) => environments([marker], python).some((environment) => holds(marker, environment))),
  };
}

function readRequirement(text: string): Requirement {
  const parsed = parseLine(text);
  if (parsed?.type !== "ProjectName") {
    throw new LockError(`the dependency "${text}" has no version on a package index, so it cannot be locked by hash`);
  }
  const name = normaliseName(parsed.name);
  const extras = [...new Set(parsed.extras?.map(normaliseName))].sort();
  return {
    text: text.trim(),
    name,
    root: extras.length > 0 ? `${name}[${extras.join(",")}]` : name,
    group: groupOf(name),
    specifier: specifierOf(parsed),
    marker: parsed.environmentMarkerTree,
  };
}

function parseLine(line: string): ParsedRequirement | null {
  try {
    return parsePipRequirementsLine(line);
  } catch (error) {
    throw new LockError(`cannot read "${line}": ${(error as Error).message}`);
  }
}

function specifierOf({ versionSpec = [] }: ProjectNameRequirement): string {
  return versionSpec.map(({ operator, version }) => operator + version).join(",");
}

/** The group that a requirement of this (normalised) name starts. */
export function groupOf(name: string): Group {
  return GROUPS.find((group) => group !== "light" && GROUP_ROOTS[group].includes(name)) ?? "light";
}

function lowestPython(requiresPython: string): string {
  for (let minor = LOWEST_MINOR; minor < LOWEST_MINOR + MINORS; minor++) {
    // .99: `>=3.11.4` still means that 3.11 is the lowest minor version.
    if (requiresPython.trim() === "" || satisfies(`3.${minor}.99`, requiresPython)) {
      return `3.${minor}`;
    }
  }
  throw new LockError(`requires-python = "${requiresPython}" fits no Python from 3.${LOWEST_MINOR} on`);
}

// ---------------------------------------------------------------------------------------------------------------------
// Markers. They are evaluated in a finite set of environments: Linux, CPython, each machine, each minor version of
// Python, and each version that a marker names with the one after it.

type Environment = Readonly<Record<string, string>>;

const VERSION_VARIABLES: readonly string[] = ["python_version", "python_full_version", "implementation_version"];

/** The environments that tell apart what `markers` say, from the minor version `lowest` on. */
function environments(markers: readonly (EnvironmentMarker | undefined)[], lowest: string): Environment[] {
  const first = minorOf(lowest);
  const pythons = new Set<string>();
  for (let minor = first; minor < LOWEST_MINOR + MINORS; minor++) {
    pythons.add(`3.${minor}.0`);
  }
  for (const literal of markers.flatMap((marker) => (marker ? literals(marker) : []))) {
    const [, minor, patch] = /^3\.(\d+)(?:\.(\d+))?/.exec(literal) ?? [];
    if (minor !== undefined && Number(minor) >= first) {
      const at = Number(patch ?? 0);
      [at, at + 1].forEach((near) => pythons.add(`3.${minor}.${near}`));
    }
  }
  return [...pythons].flatMap((python) =>
    MACHINES.map((machine) => ({
      os_name: "posix",
      sys_platform: "linux",
      platform_system: "Linux",
      platform_machine: machine,
      platform_python_implementation: "CPython",
      implementation_name: "cpython",
      implementation_version: python,
      python_full_version: python,
      python_version: python.split(".").slice(0, 2).join("."),
      extra: "",
    })),
  );
}

function literals(marker: EnvironmentMarker): string[] {
  if (isLeaf(marker)) {
    return [marker.left, marker.right].filter(isQuoted).map(unquote);
  }
  return [...literals(marker.left), ...literals(marker.right)];
}

/** Minor version of Python: 11 of `3.11`. */
export function minorOf(python: string): number {
  return Number(python.split(".")[1]);
}

/** Reads a marker, such as `python_version < '3.12'`. */
export function parseMarker(text: string): EnvironmentMarker {
  const parsed = parseLine(`name ; ${text}`);
  if (parsed?.type !== "ProjectName" || !parsed.environmentMarkerTree) {
    throw new LockError(`"${text}" is no marker`);
  }
  return parsed.environmentMarkerTree;
}

/** A marker that holds where both do. */
export function combineMarkers(left: EnvironmentMarker | undefined, right: EnvironmentMarker): EnvironmentMarker {
  return left ? { operator: "and", left, right } : right;
}

function isLeaf(marker: EnvironmentMarker): marker is EnvironmentMarkerLeaf {
  return typeof marker.left === "string";
}

function isQuoted(operand: string): boolean {
  return /^['"]/.test(operand);
}

function unquote(operand: string): string {
  return operand.slice(1, -1);
}

function holds(marker: EnvironmentMarker | undefined, environment: Environment): boolean {
  if (marker === undefined) {
    return true;
  }
  if (!isLeaf(marker)) {
    const left = holds(marker.left, environment);
    return marker.operator === "and"
      ? left && holds(marker.right, environment)
      : left || holds(marker.right, environment);
  }
  const [left, right] = [marker.left, marker.right].map((operand) => {
    const value = isQuoted(operand) ? unquote(operand) : environment[operand];
    if (value === undefined) {
      throw new LockError(`a lock cannot depend on ${operand}, which differs from one host to the next`);
    }
    return value;
  });
  switch (marker.operator as string) {
    case "in":
      return right.includes(left);
    case "not in":
      return !right.includes(left);
  }
  if ([marker.left, marker.right].some((operand) => VERSION_VARIABLES.includes(operand))) {
    return satisfies(left, `${marker.operator}${right}`, { prereleases: true });
  }
  switch (marker.operator as string) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    default:
      throw new LockError(`cannot compare ${marker.left} ${marker.operator} ${marker.right}`);
  }
}

/**
 * The shortest form of a marker that says the same in every environment of a lock: `true` if it always holds, `false`
 * if it never does. uv repeats the platform in each line; what is left after this is what can differ between images.
 */
export function simplifyMarker(marker: EnvironmentMarker): EnvironmentMarker | boolean {
  return reduce(marker, environments([marker], `3.${LOWEST_MINOR}`));
}

/** Reduces a marker that has to be right only in the environments `where`. */
function reduce(marker: EnvironmentMarker, where: readonly Environment[]): EnvironmentMarker | boolean {
  const values = where.map((environment) => holds(marker, environment));
  if (values.every((value) => value)) {
    return true;
  }
  if (!values.some((value) => value)) {
    return false;
  }
  if (isLeaf(marker)) {
    return marker;
  }
  // Each side matters only where the other one does not decide.
  const undecided = marker.operator === "and";
  const right = reduce(
    marker.right,
    where.filter((environment) => holds(marker.left, environment) === undecided),
  );
  if (typeof right === "boolean") {
    return reduce(marker.left, where);
  }
  const left = reduce(
    marker.left,
    where.filter((environment) => holds(right, environment) === undecided),
  );
  return typeof left === "boolean" ? right : { operator: marker.operator, left, right };
}

function markerText(marker: EnvironmentMarker): string {
  if (isLeaf(marker)) {
    return `${marker.left} ${marker.operator} ${marker.right}`;
  }
  const side = (inner: EnvironmentMarker): string =>
    !isLeaf(inner) && inner.operator !== marker.operator ? `(${markerText(inner)})` : markerText(inner);
  return `${side(marker.left)} ${marker.operator} ${side(marker.right)}`;
}

// ---------------------------------------------------------------------------------------------------------------------
// Lock files

/** The requirement of a pin, without hashes. */
export function pinText({ name, version, marker }: Pin): string {
  return `${name}==${version}${marker ? ` ; ${markerText(marker)}` : ""}`;
}

/** Reads the pins of a requirements file. Pins that apply nowhere on Linux are dropped, markers reduced. */
export function parsePins(text: string): Pin[] {
  const lines = text.replace(/\\\r?\n/g, " ").split(/\r?\n/);
  return lines.flatMap((line) => {
    const [requirement, ...hashes] = line
      .replace(/(^|\s)#.*/, "")
      .trim()
      .split(/\s+--hash=/);
    if (requirement === "") {
      return [];
    }
    const parsed = parseLine(requirement);
    if (parsed?.type !== "ProjectName" || parsed.versionSpec?.length !== 1 || !specifierOf(parsed).startsWith("==")) {
      throw new LockError(`"${requirement}" pins no version`);
    }
    const marker = parsed.environmentMarkerTree ? simplifyMarker(parsed.environmentMarkerTree) : true;
    return marker === false
      ? []
      : [
          {
            name: normaliseName(parsed.name),
            version: parsed.versionSpec[0].version,
            hashes: hashes.map((hash) => hash.trim()).sort(),
            ...(marker === true ? {} : { marker }),
          },
        ];
  });
}

const ROOTS = "# For: ";
const PYTHON = /^# Python >= (\d+\.\d+)/;

/** Reads one lock file. */
export function parseLockFile(text: string): LockFile {
  const lines = text.split(/\r?\n/);
  const roots = lines.find((line) => line.startsWith(ROOTS))?.slice(ROOTS.length) ?? "";
  return {
    roots: roots.split(" ").filter((root) => root !== ""),
    python: lines.map((line) => PYTHON.exec(line)?.[1]).find((python) => python !== undefined),
    pins: parsePins(text),
  };
}

/**
 * Writes one lock file. It names neither an index nor a path of this machine, and the roots are those of this file
 * only: a change in one group must not touch another group's file, and with it the layer.
 */
export function formatLockFile({ roots, python, pins }: LockFile, title: string): string {
  const header = [`# ${title}`, ...(python ? [`# Python >= ${python} on Linux, ${MACHINES.join(" and ")}`] : [])];
  const lines = [...pins]
    .sort((a, b) => compareText(a.name, b.name) || compareText(pinText(a), pinText(b)))
    .map((pin) => [pinText(pin), ...pin.hashes.map((hash) => `--hash=${hash}`)].join(" \\\n    "));
  return [
    ...header,
    ...(roots.length > 0 ? [ROOTS + [...new Set(roots)].sort(compareText).join(" ")] : []),
    ...lines,
    "",
  ].join("\n");
}

/** By code unit: the order must not depend on the locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The files of a lock, text by file name; none if there is no such folder. */
export function readLockFiles(folder: string): Record<string, string> {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return {};
    }
    throw error;
  }
  return Object.fromEntries(
    LOCK_FILES.filter((name) => names.includes(name)).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

/** Every file that a lock can have, in the order of installation. */
export const LOCK_FILES: readonly string[] = ["heavy.txt", "torch.cpu.txt", "heavy.cpu.txt", "light.txt", "web.txt"];

/**
 * Files of the heavy layer, in the order of installation. A lock without torch has no CPU files: its one `heavy.txt`
 * serves both variants. `torch.cpu.txt` is installed from the PyTorch CPU index, and may have no hashes: see `npm run
 * lock -- --help`. All other files are installed with `--no-deps --require-hashes`.
 *
 * @param files - names of the files that the lock has
 */
export function heavyFiles(variant: "gpu" | "cpu", files: Iterable<string>): string[] {
  const present = new Set(files);
  return variant === "cpu" && present.has("torch.cpu.txt") ? ["torch.cpu.txt", "heavy.cpu.txt"] : ["heavy.txt"];
}

/**
 * Why a lock does not serve a `pyproject.toml`; nothing if it does. Every dependency needs, in every environment in which
 * it applies, exactly one pin that satisfies it, in the GPU and in the CPU variant; and the lock must be made for just
 * these dependencies with these extras, in the groups that {@link GROUP_ROOTS} puts them in. A bound that moves and still
 * admits the pin is no problem.
 *
 * @param lockFiles - text by file name, as {@link readLockFiles} gives it
 * @param app - what to name in the remedy: path of the app (default `PATH`) and name of the lock (default: the
 * project's name)
 */
export function lockProblems(
  pyprojectText: string,
  lockFiles: Readonly<Record<string, string>>,
  app: { readonly path?: string; readonly name?: string } = {},
): Problem[] {
  let project: AppProject;
  try {
    project = readAppProject(pyprojectText);
  } catch (error) {
    return [
      { requirement: "pyproject.toml", locked: (error as Error).message, remedy: "correct the app's pyproject.toml" },
    ];
  }
  const remedy = lockCommand(app.path ?? "PATH", app.name ?? project.name);
  const problem = (requirement: string, locked: string): Problem => ({ requirement, locked, remedy });

  if (Object.keys(lockFiles).length === 0) {
    return [problem("a lock of the dependencies", "none")];
  }
  const needed = [...GROUPS.map((group) => `${group}.txt`), ...heavyFiles("cpu", Object.keys(lockFiles))];
  const missing = [...new Set(needed)].filter((name) => lockFiles[name] === undefined);
  if (missing.length > 0) {
    return missing.map((name) => problem(name, "no such file in the lock"));
  }

  const files: Record<string, LockFile> = {};
  for (const [name, text] of Object.entries(lockFiles)) {
    try {
      files[name] = parseLockFile(text);
    } catch (error) {
      return [problem(name, (error as Error).message)];
    }
  }
  const problems = [
    ...pythonProblems(project, files, problem),
    ...pinProblems(project, files, problem),
    ...rootProblems(project, files, problem),
    ...hashProblems(files, problem),
  ];
  // One is enough for each requirement: both variants may lack it, and the groups' roots too.
  return problems.filter(
    (one, index) => problems.findIndex((other) => other.requirement === one.requirement) === index,
  );
}

/** The command that makes a lock. */
export function lockCommand(path: string, name: string): string {
  return `npm run lock -- --app ${path} --name ${name}`;
}

type MakeProblem = (requirement: string, locked: string) => Problem;
type Files = Readonly<Record<string, LockFile>>;

function pythonProblems({ python }: AppProject, files: Files, problem: MakeProblem): Problem[] {
  return Object.entries(files)
    .filter(([, file]) => file.python !== undefined && minorOf(file.python) > minorOf(python))
    .map(([name, file]) => problem(`Python ${python}`, `${name} is for Python ${file.python} and later`));
}

function rootProblems({ requirements }: AppProject, files: Files, problem: MakeProblem): Problem[] {
  return GROUPS.flatMap((group) => {
    const file = `${group}.txt`;
    const locked = files[file].roots;
    const asked = requirements.filter((requirement) => requirement.group === group);
    return [
      ...asked
        .filter(({ root }) => !locked.includes(root))
        .map(({ text }) => problem(text, `${file} was not made for it`)),
      ...locked
        .filter((root) => !asked.some((requirement) => requirement.root === root))
        .map((root) => problem(`no ${root} in ${group} dependencies`, `${file} was made for it`)),
    ];
  });
}

function pinProblems({ requirements, python }: AppProject, files: Files, problem: MakeProblem): Problem[] {
  return (["gpu", "cpu"] as const).flatMap((variant) => {
    const names = [...heavyFiles(variant, Object.keys(files)), "light.txt", "web.txt"];
    const pins = names.flatMap((file) => files[file].pins.map((pin) => ({ ...pin, file })));
    return requirements.flatMap(({ text, name, specifier, marker }) => {
      const candidates = pins.filter((pin) => pin.name === name);
      if (candidates.length === 0) {
        return [problem(text, `no pin in ${names.join(", ")}`)];
      }
      const all = environments([marker, ...candidates.map((pin) => pin.marker)], python);
      for (const environment of all.filter((one) => holds(marker, one))) {
        const here = candidates.filter((pin) => holds(pin.marker, environment));
        const where = `on Python ${environment.python_full_version}, ${environment.platform_machine}`;
        if (here.length !== 1) {
          const pinned = here.map((pin) => `${pin.version} in ${pin.file}`).join(" and ");
          return [problem(text, `${pinned || "no pin"} ${where}`)];
        }
        // Pre-releases count: one is in a lock only if the resolver had no other choice, or the app asked for it.
        if (specifier !== "" && !satisfies(here[0].version, specifier, { prereleases: true })) {
          return [problem(text, `${here[0].version} in ${here[0].file}`)];
        }
      }
      return [];
    });
  });
}

function hashProblems(files: Files, problem: MakeProblem): Problem[] {
  return Object.entries(files)
    .filter(([file]) => file !== "torch.cpu.txt")
    .flatMap(([file, { pins }]) =>
      pins.filter((pin) => pin.hashes.length === 0).map((pin) => problem(`a hash of ${pin.name}`, `none in ${file}`)),
    );
}
