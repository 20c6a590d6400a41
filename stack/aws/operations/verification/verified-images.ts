import * as pulumi from "@pulumi/pulumi";
import type { ServiceSpec } from "../../../config/services";
import type { ImageDigests } from "../../../images/catalog";
import { Registry, type ImageRepository } from "../../../registry/registry";
import { imageDigest } from "../../../registry/release";
import { FARGATE, verifiedTag } from "../../../registry/tags";
import { serviceTasks } from "../rollout/service-client";
import { hostAmis } from "./host-amis";
import type { VerificationResult } from "./verification";

export interface VerifiedImagesArgs {
  /** Resolves after the deployments of all services are verified. */
  release: pulumi.Output<string>;
  services: readonly ServiceSpec[];
  /** Results of the images that tasks verified. */
  results: pulumi.Output<VerificationResult[]>;
  clusterName: pulumi.Input<string>;
  repository: ImageRepository;
  images: pulumi.Output<ImageDigests>;
  /** ID of the AMI of new GPU instances. */
  amiId: pulumi.Input<string>;
}

/**
 * Where each image of the release was verified, as in `worker on ami-0123`, or `not verified`. Deployments verified the images of services
 * that run tasks: this records them in the registry too. In a preview: where the images will be verified.
 */
export function verifiedImages(args: VerifiedImagesArgs): pulumi.Output<Record<string, string>> {
  const { url, credentials } = args.repository;
  const services = args.services.filter(({ minTasks }) => minTasks > 0);
  const verified = pulumi
    .all([args.images, args.results, args.amiId, args.clusterName, url, credentials, args.release])
    .apply(async ([images, results, amiId, cluster, repository, login]) => {
      const registry = new Registry(repository, login);
      const wanted = (gpu: boolean) => (gpu ? amiId : FARGATE);
      const deployed: VerificationResult[] = [];
      // One after the other: services share an image, and some registries fail if a manifest is read while it gets a tag.
      for (const { image, name, gpu } of services) {
        const host = pulumi.runtime.isDryRun()
          ? wanted(gpu)
          : await recordService(registry, cluster, name, imageDigest(images[image]!), wanted(gpu));
        deployed.push({ image, role: name, host });
      }
      return describe(images, [...results, ...deployed]);
    });
  return pulumi.unsecret(verified);
}

/** Records where the tasks of a service run. Returns the wanted host if a task runs there, otherwise another one. */
async function recordService(
  registry: Registry,
  cluster: string,
  service: string,
  digest: string,
  wanted: string,
): Promise<string | undefined> {
  if ((await registry.digest(verifiedTag(digest, service, wanted))) === digest) return wanted;
  const hosts =
    wanted === FARGATE ? [FARGATE] : await hostAmis(cluster, await serviceTasks({ cluster, service }, "RUNNING"));
  for (const host of hosts) await registry.tag(digest, verifiedTag(digest, service, host));
  return hosts.includes(wanted) ? wanted : hosts[0];
}

/** The text of the output for each image. */
export const describe = (images: ImageDigests, results: readonly VerificationResult[]): Record<string, string> =>
  Object.fromEntries(
    Object.keys(images).map((name) => {
      const places = results
        .filter(({ image, host }) => image === name && host)
        .map(({ role, host }) => `${role} on ${host}`);
      return [name, places.join(", ") || "not verified"];
    }),
  );
