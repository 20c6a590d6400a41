import * as pulumi from "@pulumi/pulumi";
import type { VerificationSpec } from "../../../config/verifications";
import type { ImageDigests, ImageName } from "../../../images/catalog";
import { digestOf } from "../../../images/images";
import { Registry, type ImageRepository } from "../../../registry/registry";
import { FARGATE } from "../../../registry/tags";
import type { Service, ServiceArgs } from "../../service/service";
import { taskDefinition } from "../../service/task-definition";
import { verifyImage, type VerifyImageArgs } from "./verify-image";

/** An image to verify, with the arguments of the service that runs it on this or another stack. */
export interface VerificationTarget {
  spec: VerificationSpec;
  args: Omit<ServiceArgs, "start">;
  /** The service of this stack. Its task definition is used. Default: the image gets a task definition of its own. */
  service?: Service;
}

export interface VerificationArgs {
  /** Whether images are verified. If false, they are reported as not verified. */
  enabled: boolean;
  targets: readonly VerificationTarget[];
  clusterName: pulumi.Input<string>;
  repository: ImageRepository;
  images: pulumi.Output<ImageDigests>;
  /** ID of the AMI of new GPU instances. */
  amiId: pulumi.Input<string>;
  /** Seconds within which each task must have stopped. */
  timeout: number;
}

/** Where an image was verified. */
export interface VerificationResult {
  image: ImageName;
  role: string;
  /** ID of the AMI of the host, or `fargate`. Undefined: not verified. */
  host?: string;
}

/**
 * Verifies the images that no service is sure to run: each runs once as a task in the place where it will run. One task runs at a time, so
 * the GPU instances need room for only one more task. Results are kept in the registry, by digest and AMI.
 *
 * A preview verifies nothing.
 */
export class Verification extends pulumi.ComponentResource {
  /** Resolves after all images are verified. In a preview it resolves immediately. Rejects with a RunError. */
  readonly completed: pulumi.Output<unknown>;
  /** Where the images were verified. In a preview: where they will be verified. */
  readonly results: pulumi.Output<VerificationResult[]>;

  constructor(name: string, args: VerificationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Verification", name, {}, opts);
    const targets = args.enabled ? args.targets.map((target) => this.resolve(name, target, args)) : [];
    const preview = pulumi.runtime.isDryRun();
    const results = args.enabled && !preview ? this.verify(targets, args) : expectedResults(args);
    this.results = pulumi.unsecret(results);
    this.completed = preview ? pulumi.output(undefined) : this.results;
    this.registerOutputs();
  }

  private verify(targets: pulumi.Output<Target>[], args: VerificationArgs): pulumi.Output<VerificationResult[]> {
    const { clusterName, timeout } = args;
    const { url, credentials } = args.repository;
    return pulumi
      .all([pulumi.all(targets), clusterName, url, credentials])
      .apply(async ([all, cluster, repository, login]) => {
        const results: VerificationResult[] = [];
        const registry = new Registry(repository, login);
        for (const { imageName, ...target } of all) {
          const { role } = target;
          const log = (line: string) => void pulumi.log.info(`${role}: ${line}`, this, undefined, true);
          const warn = (line: string) => void pulumi.log.warn(`${role}: ${line}`, this);
          const host = await verifyImage({ ...target, cluster, registry, timeout, log, warn });
          results.push({ image: imageName, role, host });
        }
        return results;
      });
  }

  /** The values with which a task runs. They resolve after everything exists that the task needs. */
  private resolve(
    prefix: string,
    { spec, args, service }: VerificationTarget,
    { images, amiId }: VerificationArgs,
  ): pulumi.Output<Target> {
    const task = service ?? this.taskDefinition(`${prefix}-${spec.name}`, spec, args);
    const target: pulumi.Output<Target> = pulumi.output({
      role: spec.name,
      process: spec.role.process,
      imageName: spec.image,
      image: digestOf(images, spec.image),
      gpu: spec.gpu,
      host: spec.gpu ? amiId : FARGATE,
      taskDefinition: task.taskDefinition.arn,
      containerName: args.name,
      capacityProvider: args.gpuCapacityProvider ?? "FARGATE",
      subnetIds: args.subnetIds,
      securityGroupIds: [args.securityGroupId],
    });
    // The URN of a resource is known after the resource is updated.
    const dependencies = [...args.dependencies, ...task.dependencies].map(({ urn }) => urn);
    return pulumi.all([target, pulumi.all(dependencies)]).apply(([value]) => value);
  }

  private taskDefinition(name: string, spec: VerificationSpec, args: VerificationTarget["args"]) {
    const task = {
      ...args,
      containerName: args.name,
      family: `${args.family}-verification`,
      gpu: spec.gpu,
      command: ["verify", spec.role.process],
      runsToCompletion: true,
    };
    return taskDefinition(name, task, { parent: this });
  }
}

type Target = Omit<VerifyImageArgs, "cluster" | "registry" | "timeout" | "log" | "warn"> & { imageName: ImageName };

/** The results without a verification. */
const expectedResults = ({ enabled, targets, amiId }: VerificationArgs): pulumi.Output<VerificationResult[]> =>
  pulumi.output(amiId).apply((ami) =>
    targets.map(({ spec: { image, name, gpu } }) => ({
      image,
      role: name,
      ...(enabled && { host: gpu ? ami : FARGATE }),
    })),
  );
