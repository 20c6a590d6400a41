import type { COMPILED } from "../../stack/lock/groups";
import { versionOf, type Pin } from "./pins";
import type { LockedPackage } from "./resolve";

/** The ending of the lock file for a pin: that of wheels, or that of packages that an image build compiles. */
export function endingOf(pin: Pin, packages: readonly LockedPackage[]): "txt" | keyof typeof COMPILED {
  const version = versionOf(pin);
  const { source, wheels, sdist } = packages.find(
    (one) => one.name === pin.name && (version === undefined || one.version === version),
  )!;
  if (source.git !== undefined) return "git.txt";
  return sdist && !wheels?.length ? "source.txt" : "txt";
}
