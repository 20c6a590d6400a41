import * as pulumi from "@pulumi/pulumi";
import type { ImageDigests } from "../../../images/catalog";
import { userError } from "../../../pulumi/user-error";
import { Registry, type ImageRepository } from "../../../registry/registry";
import { recordRelease, releaseId } from "../../../registry/release";
import { retainReleases } from "../../../registry/retention";
import { undoneRollback } from "../../../registry/undone-rollback";
import type { Service } from "../../service/service";
import { waitForDeployment, type DeploymentArgs } from "./deployment";

export interface RolloutArgs {
  clusterName: pulumi.Input<string>;
  services: Readonly<Record<string, Service>>;
  repository: ImageRepository;
  /** What the images were built from: a ref, or a hash of the source files. */
  source: string;
  images: pulumi.Input<ImageDigests>;
  /** Whether the settings name the release. Then the update undoes no rollback: it is one, or the end of one. */
  isReleaseChosen: boolean;
  /** Number of releases that the registry keeps. */
  retainedReleases: number;
  /** Seconds within which the new tasks of all services must be healthy. */
  timeout: number;
}

/**
 * Verifies the deployments of all services, and then records the release. If a service does not run the task definition of this update, the
 * update fails with the reason. Without this component, `pulumi up` would treat a rollback by ECS as a success.
 */
export class Rollout extends pulumi.ComponentResource {
  /** ID of the release, after it is verified. Rejects with a RunError that has the reason of each service that failed. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: RolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Rollout", name, {}, opts);
    // The ID of a service is known only after the service is updated.
    const targets = Object.entries(args.services).map(([role, { service, taskDefinition, minTasks, stopTimeout }]) =>
      pulumi
        .all([taskDefinition.arn, service.id])
        .apply(([arn]) => ({ service: role, taskDefinition: arn, minTasks, stopTimeout })),
    );
    const { url, credentials } = args.repository;
    const release = pulumi
      .all([args.images, args.clusterName, url, credentials, pulumi.all(targets)])
      .apply(async ([images, cluster, repository, login, services]) => {
        const id = releaseId(args.source, images);
        if (pulumi.runtime.isDryRun()) return id;
        const undone = args.isReleaseChosen ? undefined : await undoneRollback(pulumi.getStack(), id);
        if (undone) await pulumi.log.warn(undone, this);
        await this.verify(cluster, services, args);
        const registry = new Registry(repository, login);
        await recordRelease(registry, id, images);
        const warning = await retainReleases({ registry, release: id, images, retained: args.retainedReleases });
        if (warning) await pulumi.log.warn(warning, this);
        return id;
      });
    this.release = pulumi.unsecret(release);
    this.registerOutputs();
  }

  private async verify(
    cluster: string,
    targets: readonly Pick<DeploymentArgs, "service" | "taskDefinition" | "minTasks" | "stopTimeout">[],
    { timeout }: RolloutArgs,
  ): Promise<void> {
    const failures: string[] = [];
    const completed: string[] = [];
    const aborter = new AbortController();
    const { signal } = aborter;
    const deployments = targets.map((target) => {
      const log = (line: string) => void pulumi.log.info(`${target.service}: ${line}`, this, undefined, true);
      return waitForDeployment({ ...target, cluster, timeout, log, signal }).then(
        () => void completed.push(`${target.service}: the new version is running`),
        (error: Error) => {
          failures.push(error.message);
          aborter.abort();
        },
      );
    });
    await Promise.all(deployments);
    if (!failures.length) return;
    const nextStep = "Fix the cause and run `pulumi up` again, or roll back with spatialforge:release.";
    throw userError([...failures, ...completed, nextStep].join("\n"));
  }
}
