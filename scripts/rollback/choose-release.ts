import { closest, distance } from "fastest-levenshtein";
import { UserError } from "../operate/command";
import type { Release, ReleaseList } from "../releases/list";

/** Releases that an error names. */
const NAMED = 5;

/**
 * The release that a rollback deploys.
 * @param id - default: the release that was deployed before the one that runs. If none runs, the last deployed one.
 * @throws UserError if there is no such release, if it is incomplete, or if it runs already
 */
export function chooseRelease(stack: string, { releases }: ReleaseList, id?: string): Release {
  const release = id === undefined ? previousOf(stack, releases) : releases.find((one) => one.id === id);
  if (!release) throw new UserError(`${stack} has no release ${id}${suggestion(id ?? "", releases)}`);
  if (release.running) throw new UserError(`${stack} already runs the release ${release.id}.`);
  if (release.missing.length) {
    const missing = release.missing.join(", no ");
    throw new UserError(
      `The release ${release.id} is incomplete: the registry has no ${missing} image of it${newest(releases)}`,
    );
  }
  return release;
}

function previousOf(stack: string, releases: readonly Release[]): Release {
  const current = releases.findIndex(({ running }) => running);
  const previous = releases.slice(current + 1).find(({ missing }) => !missing.length);
  if (previous) return previous;
  const reason = releases.length ? "it runs the oldest one that is complete" : "it has no releases";
  throw new UserError(
    `${stack} has no release to roll back to: ${reason}. \`npm run releases -- --stack ${stack}\` lists them.`,
  );
}

function suggestion(id: string, releases: readonly Release[]): string {
  const ids = releases.map((release) => release.id);
  const nearest = ids.length ? closest(id, ids) : undefined;
  if (nearest && (nearest.startsWith(id) || distance(nearest, id) <= Math.max(2, id.length / 4))) {
    return `: did you mean ${nearest}?`;
  }
  return newest(releases);
}

function newest(releases: readonly Release[]): string {
  const usable = releases.filter(({ missing, running }) => !missing.length && !running).slice(0, NAMED);
  if (!usable.length) return ", and no other to roll back to.";
  return `: those that it can go back to are ${usable.map(({ id }) => id).join(", ")}.`;
}
