/** The Python versions and machine architectures that a lock supports. */
import { satisfies } from "@renovatebot/pep440";
import { LockError } from "./error";

/** Lowest minor version of Python that a lock supports, unless the app's `requires-python` excludes it. There is no upper limit. */
export const LOWEST_MINOR = 11;
/** Number of minor versions for which markers are evaluated. Versions in a marker are added to them. */
export const MINORS = 20;
/** `platform_machine` values that a lock supports. */
export const MACHINES = ["x86_64", "aarch64"] as const;

/** The environments of a lock, in the format of uv's `tool.uv.environments`. */
export const LOCK_ENVIRONMENT = `sys_platform == 'linux' and implementation_name == 'cpython' and (${MACHINES.map(
  (machine) => `platform_machine == '${machine}'`,
).join(" or ")})`;

/** Minor version of Python: 11 for `3.11`. */
export function minorOf(python: string): number {
  return Number(python.split(".")[1]);
}

/** The lowest Python version to lock for, such as `3.11`. @param requiresPython - as in pyproject.toml; empty if every version is allowed */
export function lowestPython(requiresPython: string): string {
  for (let minor = LOWEST_MINOR; minor < LOWEST_MINOR + MINORS; minor++) {
    // .99: with `>=3.11.4`, 3.11 is still the lowest minor version.
    if (requiresPython.trim() === "" || satisfies(`3.${minor}.99`, requiresPython)) {
      return `3.${minor}`;
    }
  }
  throw new LockError(`requires-python = "${requiresPython}" allows no Python version from 3.${LOWEST_MINOR} on`);
}
