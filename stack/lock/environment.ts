/**
 * Evaluates markers in a finite set of environments: Linux, CPython, each machine architecture, each minor version of Python, and each
 * version in a marker together with the next patch version.
 */
import { satisfies } from "@renovatebot/pep440";
import type { EnvironmentMarker } from "pip-requirements-js";
import { LockError } from "./error";
import { isLeaf, isQuoted, literals, unquote } from "./marker";
import { LOWEST_MINOR, MACHINES, MINORS, minorOf } from "./targets";

export type Environment = Readonly<Record<string, string>>;

const VERSION_VARIABLES: readonly string[] = ["python_version", "python_full_version", "implementation_version"];

/** The environments in which the values of `markers` can differ, starting with the Python version `lowest`. */
export function environments(markers: readonly (EnvironmentMarker | undefined)[], lowest: string): Environment[] {
  const first = minorOf(lowest);
  const pythons = new Set<string>();
  for (let minor = first; minor < LOWEST_MINOR + MINORS; minor++) {
    pythons.add(`3.${minor}.0`);
  }
  for (const literal of markers.flatMap((marker) => (marker ? literals(marker) : []))) {
    const [, minor, patch] = /^3\.(\d+)(?:\.(\d+))?/.exec(literal) ?? [];
    if (minor !== undefined && Number(minor) >= first) {
      const named = Number(patch ?? 0);
      [named, named + 1].forEach((version) => pythons.add(`3.${minor}.${version}`));
    }
  }
  return [...pythons].flatMap((python) =>
    MACHINES.map((machine) => ({
      os_name: "posix",
      sys_platform: "linux",
      platform_system: "Linux",
      platform_machine: machine,
      platform_python_implementation: "CPython",
      implementation_name: "cpython",
      implementation_version: python,
      python_full_version: python,
      python_version: python.split(".").slice(0, 2).join("."),
      extra: "",
    })),
  );
}

/** Whether a marker holds in an environment. An undefined marker always holds. */
export function holds(marker: EnvironmentMarker | undefined, environment: Environment): boolean {
  if (marker === undefined) {
    return true;
  }
  if (!isLeaf(marker)) {
    const left = holds(marker.left, environment);
    return marker.operator === "and"
      ? left && holds(marker.right, environment)
      : left || holds(marker.right, environment);
  }
  const [left, right] = [marker.left, marker.right].map((operand) => {
    const value = isQuoted(operand) ? unquote(operand) : environment[operand];
    if (value === undefined) {
      throw new LockError(`a lock cannot depend on ${operand}, because its value differs between machines`);
    }
    return value;
  });
  switch (marker.operator as string) {
    case "in":
      return right.includes(left);
    case "not in":
      return !right.includes(left);
  }
  if ([marker.left, marker.right].some((operand) => VERSION_VARIABLES.includes(operand))) {
    return satisfies(left, `${marker.operator}${right}`, { prereleases: true });
  }
  switch (marker.operator as string) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    default:
      throw new LockError(`cannot compare ${marker.left} ${marker.operator} ${marker.right}`);
  }
}
