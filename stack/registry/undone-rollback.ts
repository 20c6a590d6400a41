import { ecrReleases, rolledBack } from "./ecr-releases";

/**
 * A warning about an update that undoes a rollback: it builds or promotes images, although the last deployment was a rollback. Undefined if it
 * undoes none, and if the releases cannot be read: an update must not fail because of a warning.
 *
 * @param stack - name of the stack
 * @param release - the release that the update deploys
 */
export async function undoneRollback(stack: string, release: string): Promise<string | undefined> {
  const last = rolledBack(await ecrReleases().catch(() => []));
  if (!last || last.running === release) return undefined;
  return (
    `this update deploys ${release} and undoes a rollback: ${stack} runs ${last.running}, although ${last.newest} is newer. ` +
    `To keep ${last.running}, set spatialforge:release in Pulumi.${stack}.yaml`
  );
}
