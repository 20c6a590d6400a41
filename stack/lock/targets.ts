/** The Pythons and machines that a lock is made for. */
import { satisfies } from "@renovatebot/pep440";
import { LockError } from "./error";

/** Lowest Python that a lock covers unless the app's `requires-python` excludes it; there is no upper limit. */
export const LOWEST_MINOR = 11;
/** How many minor versions markers are evaluated for; versions that a marker names are added to them. */
export const MINORS = 20;
/** `platform_machine` values that a lock covers. */
export const MACHINES = ["x86_64", "aarch64"] as const;

/** The environments of a lock, as uv's `tool.uv.environments` wants them. */
export const LOCK_ENVIRONMENT = `sys_platform == 'linux' and implementation_name == 'cpython' and (${MACHINES.map(
  (machine) => `platform_machine == '${machine}'`,
).join(" or ")})`;

/** Minor version of Python: 11 of `3.11`. */
export function minorOf(python: string): number {
  return Number(python.split(".")[1]);
}

/** The lowest Python to lock for, such as `3.11`, of a `requires-python`; empty if any will do. */
export function lowestPython(requiresPython: string): string {
  for (let minor = LOWEST_MINOR; minor < LOWEST_MINOR + MINORS; minor++) {
    // .99: `>=3.11.4` still means that 3.11 is the lowest minor version.
    if (requiresPython.trim() === "" || satisfies(`3.${minor}.99`, requiresPython)) {
      return `3.${minor}`;
    }
  }
  throw new LockError(`requires-python = "${requiresPython}" fits no Python from 3.${LOWEST_MINOR} on`);
}
