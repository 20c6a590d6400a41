import Table from "cli-table3";
import { shortDigest } from "../../stack/registry/tags";
import { color } from "../local/color";
import type { Release, ReleaseImage, ReleaseList } from "./list";

/** The releases as a table, with the next step below it. */
export function releaseTable(stack: string, list: ReleaseList): string {
  const { releases } = list;
  if (!releases.length) {
    return `${stack} has no releases: run \`${stack === "local" ? "npm run up" : `pulumi up --stack ${stack}`}\`, which records one.`;
  }
  const table = new Table({
    head: ["release", "source", "last deployment", "state", "image", "digest", "verified"],
    style: { head: [], border: [] },
  });
  for (const release of releases) {
    const images = Object.entries(release.images);
    const column = (cell: (name: string, image: ReleaseImage) => string) =>
      images.map(([name, image]) => cell(name, image)).join("\n");
    table.push([
      release.id,
      release.source,
      timeOf(release),
      stateOf(release),
      column((name) => name),
      column((_, { digest }) => shortDigest(digest)),
      column((_, { verified }) => verified.join(", ") || "-"),
    ]);
  }
  return [table.toString(), ...unrecorded(list), nextStep(stack, releases)].join("\n");
}

const timeOf = ({ deployedAt }: Release): string =>
  deployedAt ? `${deployedAt.slice(0, 16).replace("T", " ")} UTC` : "unknown";

function stateOf({ running, missing }: Release): string {
  if (running) return color.green("running");
  return missing.length ? color.red(`incomplete: no ${missing.join(", no ")}`) : "can roll back";
}

/** What runs, if it is no release: for example while an update is in progress, or after one that failed. */
function unrecorded({ releases, running }: ReleaseList): string[] {
  const images = Object.entries(running);
  if (!images.length) return ["No service is running."];
  if (releases.some((release) => release.running)) return [];
  const digests = images.map(([role, digest]) => `${role} ${shortDigest(digest)}`);
  return [`The services run images of no single release: ${digests.join(", ")}.`];
}

function nextStep(stack: string, releases: readonly Release[]): string {
  const canRollBack = releases.some(({ running, missing }) => !running && !missing.length);
  return canRollBack
    ? `To deploy an earlier release without a build, run \`npm run rollback -- --stack ${stack} ID\`.`
    : "There is no earlier release to roll back to.";
}
