import type { EnvironmentMarker } from "pip-requirements-js";
import { LockError } from "./error";
import { markerText } from "./marker";
import { normaliseName, parseLine, specifierOf } from "./requirement-line";
import { simplifyMarker } from "./simplify-marker";

/** One line of a lock. */
export interface Pin {
  readonly name: string;
  readonly version: string;
  /** Where the pin applies; everywhere if absent. */
  readonly marker?: EnvironmentMarker;
  /** `sha256:...`, sorted. */
  readonly hashes: readonly string[];
}

/** The requirement of a pin, without hashes. */
export function pinText({ name, version, marker }: Pin): string {
  return `${name}==${version}${marker ? ` ; ${markerText(marker)}` : ""}`;
}

/** Reads the pins of a requirements file. Pins that apply nowhere on Linux are dropped, markers reduced. */
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
      throw new LockError(`"${requirement}" pins no version`);
    }
    const marker = parsed.environmentMarkerTree ? simplifyMarker(parsed.environmentMarkerTree) : true;
    return marker === false
      ? []
      : [
          {
            name: normaliseName(parsed.name),
            version: parsed.versionSpec[0].version,
            hashes: hashes.map((hash) => hash.trim()).sort(),
            ...(marker === true ? {} : { marker }),
          },
        ];
  });
}
