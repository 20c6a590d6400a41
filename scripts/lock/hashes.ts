import type { LockFile } from "../../stack/lock/file";
import type { Pin } from "../../stack/lock/pin";

/**
 * Keeps the hashes of an earlier lock where the index still has all of them: a wheel that was uploaded later, for
 * another Python perhaps, must not make a lock stale that nobody touched. A hash that the index does not have goes.
 */
export function keepKnownHashes(pins: readonly Pin[], earlier: readonly Pin[]): Pin[] {
  return pins.map((pin) => {
    const known = hashesOf(pin, earlier) ?? [];
    return known.length > 0 && known.every((hash) => pin.hashes.includes(hash)) ? { ...pin, hashes: known } : pin;
  });
}

/** The CPU builds that an earlier lock has of these very versions, or the versions alone. */
export function keepBuilds(pins: readonly Pin[], earlier: LockFile | undefined): Pin[] {
  return pins.flatMap((pin) => {
    const builds =
      earlier?.pins.filter(({ name, version }) => name === pin.name && version.split("+")[0] === pin.version) ?? [];
    return builds.length > 0 ? builds : [{ ...pin, hashes: [] }];
  });
}

function hashesOf({ name, version }: Pin, pins: readonly Pin[]): readonly string[] | undefined {
  return pins.find((pin) => pin.name === name && pin.version === version)?.hashes;
}
