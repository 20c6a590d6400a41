import type { LockFile } from "../../stack/lock/file";
import type { Pin } from "../../stack/lock/pin";

/**
 * Keeps the hashes of the previous lock if the index still has all of them. Otherwise a wheel that was uploaded later, for example for
 * a new Python version, would make an unchanged lock outdated. A hash that the index no longer has is dropped.
 */
export function keepKnownHashes(pins: readonly Pin[], previous: readonly Pin[]): Pin[] {
  return pins.map((pin) => {
    const known = hashesOf(pin, previous) ?? [];
    return known.length > 0 && known.every((hash) => pin.hashes.includes(hash)) ? { ...pin, hashes: known } : pin;
  });
}

/** Keeps the CPU builds of the previous lock that have the same versions. A pin without such a build gets no hashes. */
export function keepCpuBuilds(pins: readonly Pin[], previous: LockFile | undefined): Pin[] {
  return pins.flatMap((pin) => {
    const builds =
      previous?.pins.filter(({ name, version }) => name === pin.name && version.split("+")[0] === pin.version) ?? [];
    return builds.length > 0 ? builds : [{ ...pin, hashes: [] }];
  });
}

function hashesOf({ name, version }: Pin, pins: readonly Pin[]): readonly string[] | undefined {
  return pins.find((pin) => pin.name === name && pin.version === version)?.hashes;
}
