import * as pulumi from "@pulumi/pulumi";
import { recordRelease, releaseId, type Digests } from "../../release/record";
import { Registry } from "../../release/registry";
import type { Store } from "../../images/source";
import { userError } from "../../user-error";
import { releases } from "../releases";
import type { Service } from "../service";
import { follow } from "./follow";

export interface RolloutArgs {
  clusterName: pulumi.Input<string>;
  services: Record<string, Service>;
  store: Store;
  /** What the release was made from: a ref, or a hash of the sources. */
  origin: string;
  images: pulumi.Input<Digests>;
  /** Releases that the registry keeps. */
  keeps: number;
  /** Seconds within which all services must run their new tasks. */
  timeout: number;
}

/**
 * The end of an update: every service runs the task definition that this update asks for, or the update fails and says why. `pulumi up` by
 * itself counts it as success when ECS rolls back. Then the release is recorded.
 */
export class Rollout extends pulumi.ComponentResource {
  /** The release's id, once it is proved. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: RolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Rollout", name, {}, opts);
    const definitions = Object.entries(args.services).map(([service, { service: made, taskDefinition }]) =>
      pulumi.all([taskDefinition.arn, made.id]).apply(([arn]) => [service, arn] as const),
    );
    const { repository, credentials } = args.store;
    const proved = pulumi
      .all([args.images, args.clusterName, repository, credentials, pulumi.all(definitions)])
      .apply(async ([images, cluster, at, login, services]) => {
        const release = releaseId(args.origin, images);
        if (pulumi.runtime.isDryRun()) return release;
        await this.follow(cluster, services, args.timeout);
        await recordRelease(new Registry(at, login), release, images);
        await this.warnOfEnd(release, args.keeps);
        return release;
      });
    this.release = pulumi.unsecret(proved);
    this.registerOutputs();
  }

  private async follow(cluster: string, services: (readonly [string, string])[], timeout: number): Promise<void> {
    const failures: string[] = [];
    const others = new AbortController();
    const all = services.map(([service, taskDefinition]) => {
      const say = (line: string) => void pulumi.log.info(`${service}: ${line}`, this, undefined, true);
      return follow({ cluster, service, taskDefinition, timeout, say, signal: others.signal }).catch((error: Error) => {
        failures.push(error.message);
        others.abort();
      });
    });
    await Promise.all(all);
    if (!failures.length) return;
    const next = "What ran before still runs. Mend it and update again, or go back with spatialforge:release.";
    throw userError([...failures, next].join("\n"));
  }

  /** The registry removes old releases without knowing which one runs. */
  private async warnOfEnd(release: string, keeps: number): Promise<void> {
    const newer = (await releases()).findIndex(({ id }) => id === release);
    if (newer >= keeps - 2) {
      const text = `release ${release} is number ${newer + 1} of the ${keeps} that the registry keeps: raise spatialforge:aws.releases, or deploy a newer one`;
      await pulumi.log.warn(text, this);
    }
  }
}
