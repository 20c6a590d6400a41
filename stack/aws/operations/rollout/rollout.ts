import * as pulumi from "@pulumi/pulumi";
import { rolloutSteps } from "../../../config/services";
import type { ImageDigests } from "../../../images/catalog";
import { Registry, type ImageRepository } from "../../../registry/registry";
import { recordRelease, releaseId } from "../../../registry/release";
import { retainReleases } from "../../../registry/retention";
import { undoneRollback } from "../../../registry/undone-rollback";
import type { Service } from "../../service/service";
import { verifyStep, type Target } from "./step";

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
 * Verifies the deployments of all services, step by step, and then records the release. If a service does not run the task definition of this
 * update, the update fails with the reason. Without this component, `pulumi up` would treat a rollback by ECS as a success.
 */
export class Rollout extends pulumi.ComponentResource {
  /** For each step: resolves after its services are verified, and rejects with a RunError. In a preview they resolve immediately. */
  readonly steps: pulumi.Output<unknown>[];
  /** ID of the release, after it is verified. Rejects with a RunError that has the reason of each service that failed. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: RolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Rollout", name, {}, opts);
    if (!args.isReleaseChosen && !pulumi.runtime.isDryRun()) this.warnOfUndoneRollback(args);
    const targets = rolloutSteps().map((roles) => pulumi.all(roles.map((role) => target(role, args.services[role]))));
    this.steps = pulumi.runtime.isDryRun() ? targets.map(() => pulumi.output(undefined)) : this.verify(targets, args);
    const { url, credentials } = args.repository;
    const release = pulumi
      .all([args.images, url, credentials, pulumi.all(targets), pulumi.all(this.steps)])
      .apply(async ([images, repository, login]) => {
        const id = releaseId(args.source, images);
        if (pulumi.runtime.isDryRun()) return id;
        const registry = new Registry(repository, login);
        await recordRelease(registry, id, images);
        const warning = await retainReleases({ registry, release: id, images, retained: args.retainedReleases });
        if (warning) await pulumi.log.warn(warning, this);
        return id;
      });
    this.release = pulumi.unsecret(release);
    this.registerOutputs();
  }

  /** Warns before a service changes, as soon as the images are known. */
  private warnOfUndoneRollback({ source, images }: RolloutArgs): void {
    pulumi.output(images).apply(async (known) => {
      const warning = await undoneRollback(pulumi.getStack(), releaseId(source, known));
      if (warning) await pulumi.log.warn(warning, this);
    });
  }

  private verify(targets: readonly pulumi.Output<Target[]>[], args: RolloutArgs): pulumi.Output<unknown>[] {
    const { timeout, clusterName } = args;
    const roles = rolloutSteps();
    const log = (line: string) => void pulumi.log.info(line, this, undefined, true);
    // The services of a step take their task definitions after the steps before.
    return targets.map((ofStep, step) => {
      const others = { updated: roles.slice(0, step).flat(), waiting: roles.slice(step + 1).flat() };
      return pulumi
        .all([ofStep, clusterName])
        .apply(([services, cluster]) => verifyStep({ cluster, targets: services, ...others, timeout, log }));
    });
  }
}

/** What is verified of a service. The ID of a service is known only after the service is updated. */
const target = (role: string, { service, taskDefinition, minTasks, stopTimeout }: Service): pulumi.Output<Target> =>
  pulumi
    .all([taskDefinition.arn, service.id])
    .apply(([arn]) => ({ service: role, taskDefinition: arn, minTasks, stopTimeout }));
