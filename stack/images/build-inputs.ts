import type { BuildContext } from "../app/build-context";
import type { AppSource } from "../app/source";
import type { Settings } from "../config/schema";
import type { ImageSpec } from "./catalog";

/** Labels of an image in `images/Dockerfile`. */
export const PARTS_LABEL = "spatialforge.parts";
export const INPUTS_LABEL = "spatialforge.inputs";

/** Everything that decides what is in an image, by name: hashes of the parts of its build context, and values of settings. */
export type BuildInputs = Record<string, string>;

export interface BuildInputsArgs {
  settings: Settings;
  app: AppSource;
  /** Platform that the image is built for, as in `linux/amd64`. */
  platform: string;
  context: BuildContext;
}

/**
 * The settings that decide what is in an image. The label {@link INPUTS_LABEL} has them. Package indexes, mirrors, proxies, and credentials are not
 * among them: the locks have the hashes of all packages.
 */
export function inputSettings(spec: ImageSpec, { settings, app, platform, context }: BuildInputsArgs): BuildInputs {
  const { bases, keepPrograms, python, rebuild, shell } = settings;
  const { buildPackages = [], systemPackages = [] } = settings.app;
  const all: BuildInputs = {
    platform,
    [`bases.${spec.base}`]: bases[spec.base],
    "bases.uv": bases.uv,
    "app.buildPackages": context.compiles ? buildPackages.join(" ") : "",
    "app.systemPackages": systemPackages.join(" "),
    "app.repository": app.repository,
    "app.version": app.distribution.version,
    keepPrograms: keepPrograms.join(" "),
    python,
    rebuild,
    shell: spec.base === "cpu" ? String(shell) : "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** Everything that decides what is in an image that would be built. */
export const buildInputs = (spec: ImageSpec, args: BuildInputsArgs): BuildInputs => ({
  ...args.context.parts,
  ...inputSettings(spec, args),
});

/** The inputs that an image was built from, from its labels. Undefined if it does not have the labels. */
export function inputsOfLabels(labels: Record<string, string> = {}): BuildInputs | undefined {
  const { [PARTS_LABEL]: parts, [INPUTS_LABEL]: settings } = labels;
  if (!parts || !settings) return undefined;
  return { ...(JSON.parse(parts) as BuildInputs), ...(JSON.parse(settings) as BuildInputs) };
}

/** Names of the inputs that differ, sorted. */
export const differentInputs = (some: BuildInputs, others: BuildInputs): string[] =>
  [...new Set([...Object.keys(some), ...Object.keys(others)])].filter((name) => some[name] !== others[name]).sort();
