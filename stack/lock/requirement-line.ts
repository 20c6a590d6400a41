/** Parses one requirement, as in PEP 508 or in a requirements file. */
import { parsePipRequirementsLine } from "pip-requirements-js";
import type { ProjectNameRequirement, Requirement } from "pip-requirements-js";
import { LockError } from "./error";

/** Normalizes a name as in PEP 503: `Foo_Bar` and `foo.bar` become `foo-bar`. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Parses one line. @returns null if the line is empty */
export function parseLine(line: string): Requirement | null {
  try {
    return parsePipRequirementsLine(line);
  } catch (error) {
    throw new LockError(`cannot read "${line}": ${(error as Error).message}`);
  }
}

/** Version specifier, such as `>=1,<2`. It is empty if every version is allowed. */
export function specifierOf({ versionSpec = [] }: ProjectNameRequirement): string {
  return versionSpec.map(({ operator, version }) => operator + version).join(",");
}
