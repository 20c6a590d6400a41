import { LockError } from "../../stack/lock/error";
import { requirementName } from "../../stack/lock/requirement";
import { LOCK_ENVIRONMENT } from "../../stack/lock/targets";

/** One requirement of a lock, as uv exports it. */
export interface Pin {
  readonly name: string;
  /** `NAME==VERSION`, or `NAME @ URL`, with its marker. */
  readonly text: string;
  /** `sha256:...`, sorted. */
  readonly hashes: readonly string[];
}

/** Parses a requirements file that pins each package. */
export function parsePins(text: string): Pin[] {
  const lines = text.replace(/\\\r?\n/g, " ").split(/\r?\n/);
  return lines.flatMap((line) => {
    if (/^\s*(#|--|$)/.test(line)) return [];
    const [requirement, ...hashes] = line.trim().split(/\s+--hash=/);
    const name = requirementName(requirement);
    if (name === "" || !/^[\w.-]+(==| @ )/.test(requirement)) {
      throw new LockError(`"${requirement}" pins no package`);
    }
    return [{ name, text: withoutEnvironment(requirement), hashes: hashes.map((hash) => hash.trim()).sort() }];
  });
}

/** uv repeats the machines in each marker. All images have them, so this part of a marker is left out. */
function withoutEnvironment(requirement: string): string {
  const only = ` ; ${LOCK_ENVIRONMENT}`;
  return requirement.endsWith(only)
    ? requirement.slice(0, -only.length)
    : requirement.replace(` and ${LOCK_ENVIRONMENT}`, "");
}

/** Name, version, and marker of a pin. The version is undefined if the pin is a URL. */
export function partsOf({ name, text }: Pin): { name: string; version?: string; marker?: string } {
  const [requirement, marker] = text.split(" ; ");
  const version = requirement.split("==").at(1);
  return { name, ...(version && { version }), ...(marker && { marker }) };
}

/** Formats a lock file. A file of one group does not change when another group does: a change installs its image layer again. */
export function formatPins(title: string, pins: readonly Pin[], options: readonly string[] = []): string {
  const lines = [...pins]
    .sort((a, b) => compareText(a.name, b.name) || compareText(a.text, b.text))
    .map((pin) => [pin.text, ...pin.hashes.map((hash) => `--hash=${hash}`)].join(" \\\n    "));
  return [`# ${title}, created by \`npm run lock\`; do not edit.`, ...options, ...lines, ""].join("\n");
}

/** Compares by code unit, so that the order does not depend on the locale. */
const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/**
 * Keeps the hashes of the previous lock if the index still has all of them. Otherwise a wheel that was uploaded later, for example for
 * a new Python version, would make an unchanged lock outdated. A hash that the index no longer has is dropped.
 */
export function keepKnownHashes(pins: readonly Pin[], previous: readonly Pin[]): Pin[] {
  const version = ({ name, text }: Pin) => `${name} ${text.split(" ; ")[0]}`;
  const known = new Map(previous.map((pin) => [version(pin), pin.hashes]));
  return pins.map((pin) => {
    const hashes = known.get(version(pin)) ?? [];
    return hashes.length > 0 && hashes.every((hash) => pin.hashes.includes(hash)) ? { ...pin, hashes } : pin;
  });
}
