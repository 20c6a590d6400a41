import { LockError } from "../../stack/lock/error";
import { CUDA_PACKAGES, GROUP_ROOTS, LEFT_OUT } from "../../stack/lock/groups";
import type { Group } from "../../stack/lock/groups";
import type { Pin } from "../../stack/lock/pin";
import type { AppProject } from "../../stack/lock/project";
import { keepKnownHashes } from "./hashes";
import { compile } from "./uv";

/** The closure of an app, in groups, and the heavy group of the CPU variant. */
interface Closure {
  readonly groups: Readonly<Record<Group, readonly Pin[]>>;
  readonly heavyCpu: readonly Pin[];
}

/** Resolves an app; versions in `preferences` are kept if possible. */
export function resolveApp({ python, requirements }: AppProject, preferences: readonly Pin[]): Closure {
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
