import type { EnvironmentMarker } from "pip-requirements-js";
import { environments, holds } from "./environment";
import type { Environment } from "./environment";
import { isLeaf } from "./marker";
import { LOWEST_MINOR } from "./targets";

/**
 * Simplifies a marker without a change of its value in any environment of a lock. uv repeats the platform in each line; the result
 * contains only the conditions that differ between images.
 *
 * @returns `true` if the marker always holds, `false` if it never holds
 */
export function simplifyMarker(marker: EnvironmentMarker): EnvironmentMarker | boolean {
  return reduce(marker, environments([marker], `3.${LOWEST_MINOR}`));
}

/** Simplifies a marker whose value matters only in the given environments. */
function reduce(marker: EnvironmentMarker, relevant: readonly Environment[]): EnvironmentMarker | boolean {
  const values = relevant.map((environment) => holds(marker, environment));
  if (values.every((value) => value)) {
    return true;
  }
  if (!values.some((value) => value)) {
    return false;
  }
  if (isLeaf(marker)) {
    return marker;
  }
  // Each operand matters only in the environments in which the other operand does not decide the result.
  const undecided = marker.operator === "and";
  const right = reduce(
    marker.right,
    relevant.filter((environment) => holds(marker.left, environment) === undecided),
  );
  if (typeof right === "boolean") {
    return reduce(marker.left, relevant);
  }
  const left = reduce(
    marker.left,
    relevant.filter((environment) => holds(right, environment) === undecided),
  );
  return typeof left === "boolean" ? right : { operator: marker.operator, left, right };
}
