import { satisfies } from "@renovatebot/pep440";
import { environments, holds } from "./environment";
import { withoutCredentials } from "../config/problem";
import { parseLockFile } from "./file";
import type { LockFile } from "./file";
import { GROUPS, heavyFiles } from "./groups";
import { readAppProject } from "./project";
import type { AppProject } from "./project";
import { minorOf } from "./targets";

/** A reason why a lock does not match a `pyproject.toml`. */
interface Problem {
  /** What the app requires. */
  readonly requirement: string;
  /** What the lock contains instead. */
  readonly locked: string;
  /** The command that fixes it. */
  readonly remedy: string;
}

/**
 * The reasons why a lock does not match a `pyproject.toml`. Empty if it matches.
 *
 * In each environment in which a dependency applies, exactly one pin must satisfy it, both in the GPU variant and in the CPU variant. The
 * lock must be created for exactly these dependencies and extras, in the groups of `GROUP_ROOTS`. A changed version bound is not a problem
 * if the pin still satisfies it.
 *
 * @param lockFiles - texts by file name, as `readLockFiles` returns them
 * @param app - values for the remedy: path of the app (default: `PATH`) and name of the lock (default: the project's name)
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
      {
        requirement: "pyproject.toml",
        locked: withoutCredentials((error as Error).message),
        remedy: "fix the pyproject.toml of the app",
      },
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
  // Report each requirement once, even if both variants or the roots of the group have the same problem.
  return problems.filter(
    (one, index) => problems.findIndex((other) => other.requirement === one.requirement) === index,
  );
}

/** The command that creates a lock. */
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
    const required = requirements.filter((requirement) => requirement.group === group);
    return [
      ...required
        .filter(({ root }) => !locked.includes(root))
        .map(({ text }) => problem(text, `${file} was not created for it`)),
      ...locked
        .filter((root) => !required.some((requirement) => requirement.root === root))
        .map((root) => problem(`no ${root} in ${group} dependencies`, `${file} was created for it`)),
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
        const matching = candidates.filter((pin) => holds(pin.marker, environment));
        const environmentName = `on Python ${environment.python_full_version}, ${environment.platform_machine}`;
        if (matching.length !== 1) {
          const pinned = matching.map((pin) => `${pin.version} in ${pin.file}`).join(" and ");
          return [problem(text, `${pinned || "no pin"} ${environmentName}`)];
        }
        // Allow prereleases: the resolver selects one only if there is no other version, or if the app requires it.
        if (specifier !== "" && !satisfies(matching[0].version, specifier, { prereleases: true })) {
          return [problem(text, `${matching[0].version} in ${matching[0].file}`)];
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
