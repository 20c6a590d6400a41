import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { CUDA_PACKAGES, GROUP_ROOTS, type Group } from "../../stack/lock/groups";
import type { LockInputs } from "../../stack/lock/inputs";
import { configOf, emptyProject, startingLock, type DerivedProject } from "./derived-project";
import { parsePins, type Pin } from "./pins";
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

/** A resolved project. */
export interface Resolution {
  readonly folder: string;
  readonly pins: readonly Pin[];
  readonly packages: readonly LockedPackage[];
  /** The `uv.lock` of it. */
  readonly lock: string;
}

/** The pins that `uv export` prints with some options. */
const exported = async (folder: string, ...options: string[]): Promise<Pin[]> =>
  parsePins(await uv(folder, "export", "--frozen", "--no-annotate", "--no-header", ...options));

/**
 * Resolves a project with uv.
 * @param folder - a folder that does not exist, for this resolution only
 * @param versions - versions that are kept if possible: a `uv.lock`, or pins
 * @throws LockError with the message of uv
 */
export async function resolve(
  folder: string,
  project: DerivedProject,
  inputs: LockInputs,
  versions: string | readonly Pin[],
): Promise<Resolution> {
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  const lockText = () => readFileSync(join(folder, "uv.lock"), "utf8");
  mkdirSync(folder);
  write("config.toml", stringifyToml(configOf(project, inputs)));
  write("pyproject.toml", stringifyToml(emptyProject(project)));
  await uv(folder, "lock", "--quiet");
  write("pyproject.toml", stringifyToml(project));
  write("uv.lock", startingLock(versions, lockText()));
  await uv(folder, "lock", "--quiet");
  const pins = await exported(folder, "--all-groups");
  const lock = lockText();
  const { package: packages = [] } = parseToml(lock) as { package?: LockedPackage[] };
  return { folder, pins, packages, lock };
}

/** Which group each package of a resolution is in. */
export async function groupsOf({ folder, pins }: Resolution): Promise<(name: string) => Group> {
  const names = async (...options: string[]) =>
    new Set((await exported(folder, "--no-hashes", ...options)).map(({ name }) => name));
  // A heavy package is in the heavy group even if only a light package needs it. So are the dependencies that it adds.
  const heavy = [...GROUP_ROOTS.torch, ...GROUP_ROOTS.heavy].filter((root) => pins.some(({ name }) => name === root));
  const withoutWeb = await names();
  const light = await names(...heavy.flatMap((root) => ["--prune", root]));
  return (name) => {
    if (GROUP_ROOTS.torch.includes(name)) return "torch";
    if (!withoutWeb.has(name)) return "web";
    if (light.has(name)) return "light";
    return CUDA_PACKAGES.test(name) ? "cuda" : "heavy";
  };
}
