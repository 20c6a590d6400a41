import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { LockError } from "../../stack/lock/error";
import { CUDA_PACKAGES, GROUP_ROOTS, GROUPS } from "../../stack/lock/groups";
import type { Group } from "../../stack/lock/groups";
import type { LockInputs } from "../../stack/lock/inputs";
import { derivedConfig, derivedProject, startingLock } from "./derived-project";
import type { CpuVariant } from "./derived-project";
import { parsePins } from "./pins";
import type { Pin } from "./pins";
import { uv } from "./uv";

/** A package in a `uv.lock`. */
export interface LockedPackage {
  readonly name: string;
  /** Undefined for a package whose version is not known, such as the app itself. */
  readonly version?: string;
  readonly source: Readonly<Record<string, string | undefined>>;
  /** Wheels that an image can install. Undefined if there is none. */
  readonly wheels?: readonly object[];
  readonly sdist?: object;
}

/** All dependencies of an app. */
export interface Resolution {
  readonly pins: readonly Pin[];
  readonly groups: Readonly<Record<Group, readonly Pin[]>>;
  readonly packages: readonly LockedPackage[];
  /** The `uv.lock` of it. */
  readonly lock: string;
}

export interface ResolveArgs {
  /** A folder that exists and is used for this resolution only. */
  readonly folder: string;
  readonly name: string;
  readonly inputs: LockInputs;
  /** Versions that are kept if possible: the `uv.lock` of the app, or pins. */
  readonly versions?: string | readonly Pin[];
  readonly cpu?: CpuVariant;
}

/**
 * Resolves the dependencies of an app with uv, and splits them into groups.
 * @throws LockError with the message of uv
 */
export async function resolve({ folder, name, inputs, versions = [], cpu }: ResolveArgs): Promise<Resolution> {
  mkdirSync(folder);
  const lockFile = join(folder, "uv.lock");
  const configFile = join(folder, "config.toml");
  const config = derivedConfig(inputs);
  writeFileSync(configFile, stringifyToml(config));
  writeFileSync(lockFile, startingLock(versions, config));
  const lock = async (added: readonly string[] = []) => {
    writeFileSync(join(folder, "pyproject.toml"), derivedProject(name, inputs, added, cpu));
    await uv(folder, configFile, "lock", "--quiet");
  };
  const exported = async (...options: string[]) =>
    parsePins(await uv(folder, configFile, "export", "--frozen", "--no-annotate", "--no-header", ...options));
  const closure = async (group: string, pruned: readonly string[] = []) => {
    const prune = pruned.flatMap((one) => ["--prune", one]);
    return new Set((await exported("--only-group", group, "--no-hashes", ...prune)).map((pin) => pin.name));
  };

  await lock();
  const pins = await exported();
  const names = new Set(pins.map((pin) => pin.name));
  const unsupported = inputs.excluded.find((one) => names.has(one));
  if (unsupported) {
    throw new LockError(
      `this version of uv does not support exclude-dependencies: it locked ${unsupported}. Update uv.`,
    );
  }

  // A heavy package is in the heavy group even if only a light package needs it. So are the dependencies that it adds.
  const heavyRoots = [...names].filter((one) => [...GROUP_ROOTS.torch, ...GROUP_ROOTS.heavy].includes(one));
  await lock(heavyRoots);
  const heavy = await closure("heavy");
  const light = await closure("light", heavyRoots);
  const web = await closure("web");
  // All other packages are light, for example those of an extra of a heavy package that a light package requires.
  const groupOfPin = (one: string): Group => {
    if (GROUP_ROOTS.torch.includes(one)) return "torch";
    if (light.has(one)) return "light";
    if (heavy.has(one)) return CUDA_PACKAGES.test(one) ? "cuda" : "heavy";
    return web.has(one) ? "web" : "light";
  };
  const groups = GROUPS.map((group) => [group, pins.filter((pin) => groupOfPin(pin.name) === group)]);
  const text = readFileSync(lockFile, "utf8");
  const { package: packages = [] } = parseToml(text) as { package?: LockedPackage[] };
  return { pins, groups: Object.fromEntries(groups) as Resolution["groups"], packages, lock: text };
}
