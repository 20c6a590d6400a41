import { satisfies } from "@renovatebot/pep440";
import { environments, holds } from "./environment";
import { parseLockFile } from "./file";
import type { LockFile } from "./file";
import { GROUPS, heavyFiles } from "./groups";
import { readAppProject } from "./project";
import type { AppProject } from "./project";
import { minorOf } from "./targets";

/** A reason why a lock does not serve a `pyproject.toml`. */
interface Problem {
  /** What the app asks for. */
  readonly requirement: string;
  /** What the lock has instead. */
  readonly locked: string;
  /** The command that mends it. */
  readonly remedy: string;
}

/**
 * Why a lock does not serve a `pyproject.toml`; nothing if it does. Every dependency needs, in every environment in which
 * it applies, exactly one pin that satisfies it, in the GPU and in the CPU variant; and the lock must be made for just
 * these dependencies with these extras, in the groups that `GROUP_ROOTS` puts them in. A bound that moves and still
 * admits the pin is no problem.
 *
 * @param lockFiles - text by file name, as `readLockFiles` gives it
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
