import type { EnvironmentMarker } from "pip-requirements-js";
import { LockError } from "./error";
import { markerText } from "./marker";
import { normalizeName, parseLine, specifierOf } from "./requirement-line";
import { simplifyMarker } from "./simplify-marker";

/** One pinned package in a lock file. */
export interface Pin {
  readonly name: string;
  readonly version: string;
  /** Environments in which the pin applies. If there is no marker, it applies in all of them. */
  readonly marker?: EnvironmentMarker;
  /** `sha256:...`, sorted. */
  readonly hashes: readonly string[];
}

/** Formats a pin as a requirement, without hashes. */
export function pinText({ name, version, marker }: Pin): string {
  return `${name}==${version}${marker ? ` ; ${markerText(marker)}` : ""}`;
}

/** Parses the pins in a requirements file. Drops pins that never apply on Linux, and simplifies markers. */
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
      throw new LockError(`"${requirement}" does not pin a version`);
    }
    const marker = parsed.environmentMarkerTree ? simplifyMarker(parsed.environmentMarkerTree) : true;
    return marker === false
      ? []
      : [
          {
            name: normalizeName(parsed.name),
            version: parsed.versionSpec[0].version,
            hashes: hashes.map((hash) => hash.trim()).sort(),
            ...(marker === true ? {} : { marker }),
          },
        ];
  });
}
