/** Parses, inspects, and formats environment markers (PEP 508). */
import type { EnvironmentMarker, EnvironmentMarkerLeaf } from "pip-requirements-js";
import { LockError } from "./error";
import { parseLine } from "./requirement-line";

/** Parses a marker, such as `python_version < '3.12'`. */
export function parseMarker(text: string): EnvironmentMarker {
  const parsed = parseLine(`name ; ${text}`);
  if (parsed?.type !== "ProjectName" || !parsed.environmentMarkerTree) {
    throw new LockError(`"${text}" is not an environment marker`);
  }
  return parsed.environmentMarkerTree;
}

/** Combines two markers with `and`. */
export function combineMarkers(left: EnvironmentMarker | undefined, right: EnvironmentMarker): EnvironmentMarker {
  return left ? { operator: "and", left, right } : right;
}

export function isLeaf(marker: EnvironmentMarker): marker is EnvironmentMarkerLeaf {
  return typeof marker.left === "string";
}

export function isQuoted(operand: string): boolean {
  return /^['"]/.test(operand);
}

export function unquote(operand: string): string {
  return operand.slice(1, -1);
}

/** The quoted values in a marker, without the quotes. */
export function literals(marker: EnvironmentMarker): string[] {
  if (isLeaf(marker)) {
    return [marker.left, marker.right].filter(isQuoted).map(unquote);
  }
  return [...literals(marker.left), ...literals(marker.right)];
}

/** Formats a marker. */
export function markerText(marker: EnvironmentMarker): string {
  if (isLeaf(marker)) {
    return `${marker.left} ${marker.operator} ${marker.right}`;
  }
  const side = (inner: EnvironmentMarker): string =>
    !isLeaf(inner) && inner.operator !== marker.operator ? `(${markerText(inner)})` : markerText(inner);
  return `${side(marker.left)} ${marker.operator} ${side(marker.right)}`;
}
