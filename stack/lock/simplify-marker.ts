import type { EnvironmentMarker } from "pip-requirements-js";
import { environments, holds } from "./environment";
import type { Environment } from "./environment";
import { isLeaf } from "./marker";
import { LOWEST_MINOR } from "./targets";

/**
 * The shortest form of a marker that says the same in every environment of a lock: `true` if it always holds, `false`
 * if it never does. uv repeats the platform in each line; what is left after this is what can differ between images.
 */
export function simplifyMarker(marker: EnvironmentMarker): EnvironmentMarker | boolean {
  return reduce(marker, environments([marker], `3.${LOWEST_MINOR}`));
}

/** Reduces a marker that has to be right only in the environments `where`. */
function reduce(marker: EnvironmentMarker, where: readonly Environment[]): EnvironmentMarker | boolean {
  const values = where.map((environment) => holds(marker, environment));
  if (values.every((value) => value)) {
    return true;
  }
  if (!values.some((value) => value)) {
    return false;
  }
  if (isLeaf(marker)) {
    return marker;
  }
  // Each side matters only where the other one does not decide.
  const undecided = marker.operator === "and";
  const right = reduce(
    marker.right,
    where.filter((environment) => holds(marker.left, environment) === undecided),
  );
  if (typeof right === "boolean") {
    return reduce(marker.left, where);
  }
  const left = reduce(
    marker.left,
    where.filter((environment) => holds(right, environment) === undecided),
  );
  return typeof left === "boolean" ? right : { operator: marker.operator, left, right };
}
