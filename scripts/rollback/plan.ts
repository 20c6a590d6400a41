import { ROLES } from "../../stack/roles";
import type { Release, ReleaseList } from "../releases/list";
import { shortDigest } from "../../stack/registry/tags";

/** What a rollback to a release changes, as text: the releases, and the image of each role. */
export function rollbackPlan(stack: string, { releases, running }: ReleaseList, target: Release): string {
  const current = releases.find((release) => release.running);
  const roles = ROLES.flatMap(({ name }) => {
    const digest = running[name];
    return digest ? [`  ${name.padEnd(8)}${imageChange(releases, digest, target)}`] : [];
  });
  return [
    `Rollback of ${stack}, without a build:`,
    `  from    ${current ? describe(current) : "images of no single release"}`,
    `  to      ${describe(target)}`,
    ...(roles.length ? ["Images:", ...roles] : ["No service is running: all are created."]),
  ].join("\n");
}

const describe = ({ id, source, deployedAt }: Release): string =>
  `${id} (source ${source}${deployedAt ? `, last deployed ${deployedAt.slice(0, 16).replace("T", " ")} UTC` : ""})`;

/** The image of a role before and after. A role keeps its kind of image: a rollback moves no service to or from GPU instances. */
function imageChange(releases: readonly Release[], digest: string, target: Release): string {
  const names = releases.flatMap(({ images }) =>
    Object.entries(images).flatMap(([name, image]) => (image.digest === digest ? [name] : [])),
  );
  const after = target.images[names[0] as keyof Release["images"]]?.digest;
  if (after === digest) return `${shortDigest(digest)} (unchanged)`;
  return `${shortDigest(digest)} -> ${after ? shortDigest(after) : "the image of the release"}`;
}
