import * as pulumi from "@pulumi/pulumi";
import { stage } from "../app/build-context";
import { userError } from "../pulumi/user-error";
import { Registry, type ImageRepository } from "../registry/registry";
import { sourceOfRelease } from "../registry/release";
import { releaseTag } from "../registry/tags";
import { IMAGES, type ImageDigests, type ImageName, type ImageSpec } from "./catalog";
import { image, type ImageArgs } from "./image";

export type ImagesArgs = Omit<ImageArgs, "context">;

/** The images that the services run. */
export interface Images {
  /** What they were built from: a ref, or a hash of the source files. */
  source: string;
  digests: pulumi.Output<ImageDigests>;
}

/** Returns the images of the release in the settings. Without a release, it builds the images from the application. */
export function images(args: ImagesArgs, opts: pulumi.ResourceOptions): Images {
  const { release } = args.settings;
  return release ? releasedImages(args.repository, release) : builtImages(args, opts);
}

function builtImages(args: ImagesArgs, opts: pulumi.ResourceOptions): Images {
  const specs = IMAGES.map((spec) => ({ spec, context: stage(args.app, spec) }));
  // Images with the same base are built one after the other: concurrent builds that share a step sometimes run it again, although it is in
  // the cache (seen with Docker 26.1).
  const previous: Partial<Record<ImageSpec["base"], pulumi.Resource>> = {};
  const digests = specs.map(({ spec, context }) => {
    const afterPrevious = pulumi.mergeOptions(opts, { dependsOn: previous[spec.base] ?? [] });
    const { resource, digest } = image(spec, { ...args, context }, afterPrevious);
    previous[spec.base] = resource;
    return [spec.name, digest];
  });
  return {
    source: args.app.refSlug ?? specs[0].context.hash,
    digests: pulumi.output(Object.fromEntries(digests) as Record<ImageName, pulumi.Output<string>>),
  };
}

function releasedImages({ url, credentials }: ImageRepository, release: string): Images {
  const digests = pulumi.all([url, credentials]).apply(async ([repository, login]) => {
    const registry = new Registry(repository, login);
    const found = IMAGES.map(async ({ name }) => {
      const tag = releaseTag(release, name);
      const digest = await registry.digest(tag);
      if (!digest) throw userError(`the repository ${repository} has no tag ${tag}`);
      return [name, `${repository}@${digest}`];
    });
    return Object.fromEntries(await Promise.all(found)) as ImageDigests;
  });
  return { source: sourceOfRelease(release), digests: pulumi.unsecret(digests) };
}
