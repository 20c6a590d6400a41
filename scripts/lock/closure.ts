import { LockError } from "../../stack/lock/error";
import { CUDA_PACKAGES, GROUP_ROOTS, EXCLUDED_PACKAGES } from "../../stack/lock/groups";
import type { Group } from "../../stack/lock/groups";
import type { Pin } from "../../stack/lock/pin";
import type { AppProject } from "../../stack/lock/project";
import { keepKnownHashes } from "./hashes";
import { compile } from "./uv";

/** All dependencies of an app by group, and the heavy group of the CPU variant. */
interface Closure {
  readonly groups: Readonly<Record<Group, readonly Pin[]>>;
  readonly heavyCpu: readonly Pin[];
}

/** Resolves the dependencies of an app. The versions in `preferences` are kept if possible. */
export function resolveApp({ python, requirements }: AppProject, preferences: readonly Pin[]): Closure {
  const direct = new Set(requirements.map(({ name }) => name));
  const excludedNames = Object.keys(EXCLUDED_PACKAGES).filter((name) => !direct.has(name));
  const resolved = compile({
    python,
    requirements: requirements.map(({ text }) => text),
    preferences,
    excluded: excludedNames,
    hashes: true,
  });
  const everything = keepKnownHashes(resolved, preferences);
  const notExcluded = everything.find(({ name }) => excludedNames.includes(name));
  if (notExcluded) {
    throw new LockError(
      `this version of uv does not support exclude-dependencies: it locked ${notExcluded.name}. Update uv.`,
    );
  }

  // A heavy package is in the heavy group even if only a light package needs it. So are the dependencies that it adds.
  const heavyNames = [...new Set(everything.map(({ name }) => name))].filter((name) =>
    GROUP_ROOTS.heavy.includes(name),
  );
  const rootsOf = (group: Group): string[] => requirements.filter((one) => one.group === group).map(({ text }) => text);
  const closureOf = (roots: readonly string[], excluded: readonly string[] = []): Set<string> => {
    const pins = compile({
      python,
      requirements: roots,
      constraints: everything,
      excluded: [...excludedNames, ...excluded],
    });
    return new Set(pins.map(({ name }) => name));
  };
  const heavy = closureOf([...rootsOf("heavy"), ...heavyNames]);
  const light = closureOf(rootsOf("light"), heavyNames);
  const web = closureOf(rootsOf("web"));
  const cuda = [...heavy].filter((name) => CUDA_PACKAGES.test(name));
  const heavyCpu = cuda.length > 0 ? closureOf([...rootsOf("heavy"), ...heavyNames], cuda) : heavy;

  // All other packages are light, for example those of an extra of a heavy package that a light package requires.
  const groupOfPin = ({ name }: Pin): Group =>
    light.has(name) ? "light" : heavy.has(name) ? "heavy" : web.has(name) ? "web" : "light";
  const pinsOf = (group: Group): Pin[] => everything.filter((pin) => groupOfPin(pin) === group);
  return {
    groups: { heavy: pinsOf("heavy"), light: pinsOf("light"), web: pinsOf("web") },
    heavyCpu: pinsOf("heavy").filter(({ name }) => heavyCpu.has(name)),
  };
}
