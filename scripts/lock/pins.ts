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

/** Parses a requirements file that pins each package. @throws LockError that names a line which pins none */
export function parsePins(text: string): Pin[] {
  const lines = text.replace(/\\\r?\n/g, " ").split(/\r?\n/);
  return lines.flatMap((line) => {
    if (/^\s*(#|--|$)/.test(line)) return [];
    const [requirement, ...hashes] = line.trim().split(/\s+--hash=/);
    if (!/^\w[\w.-]*(==| @ )/.test(requirement)) throw new LockError(`"${requirement}" pins no package`);
    // uv repeats the machines in each marker. All images have them.
    const pin = requirement.replace(` ; ${LOCK_ENVIRONMENT}`, "").replace(` and ${LOCK_ENVIRONMENT}`, "");
    return [{ name: requirementName(pin), text: pin, hashes: hashes.map((hash) => hash.trim()).sort() }];
  });
}

/** The version of a pin. Undefined if the pin is a URL. */
export const versionOf = ({ text }: Pin): string | undefined => /^[\w.-]+==(\S+)/.exec(text)?.[1];

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
  const version = ({ text }: Pin) => text.split(" ; ")[0];
  const known = new Map(previous.map((pin) => [version(pin), pin.hashes]));
  return pins.map((pin) => {
    const hashes = known.get(version(pin)) ?? [];
    return hashes.length > 0 && hashes.every((hash) => pin.hashes.includes(hash)) ? { ...pin, hashes } : pin;
  });
}
