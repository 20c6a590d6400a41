import * as pulumi from "@pulumi/pulumi";
import { stage } from "../app/build-context";
import { userError } from "../pulumi/user-error";
import { Registry } from "../registry/registry";
import { sourceOfRelease } from "../registry/release";
import { releaseTag } from "../registry/tags";
import { IMAGES, type ImageDigests, type ImageName, type ImageSpec } from "./catalog";
import { image, type ImageArgs } from "./image";
import { promotedImages } from "./promoted-images";
import type { Promotion } from "./promotion";

export interface ImagesArgs extends Omit<ImageArgs, "context"> {
  /** The release of another stack that is deployed. Default: none. */
  promotion?: Promotion;
  /** Images that the services run. Others are built only if the setting `allImages` is true. Default: all. */
  required?: readonly ImageName[];
}

/** The images that the services run. */
export interface Images {
  /** What they were built from: a ref, or a hash of the source files. */
  source: string;
  digests: pulumi.Output<ImageDigests>;
}

/** An image that was built, or that the release has. In a preview, the digest can be known although those of other images are not. */
export const digestOf = (digests: pulumi.Output<ImageDigests>, name: ImageName): pulumi.Output<string> =>
  (digests as pulumi.Output<Record<ImageName, string>>)[name];

/**
 * Returns the images of the release in the settings, or else of the release of another stack that is promoted. Without a release, it builds the
 * images from the application, and creates the build contexts of all images, so that users can build them with Docker alone.
 */
export function images(args: ImagesArgs, opts: pulumi.ResourceOptions): Images {
  const { release } = args.settings;
  if (release) return releasedImages(args, release);
  const { promotion, repository } = args;
  if (!promotion) return builtImages(args, opts);
  return { source: sourceOfRelease(promotion.release), digests: promotedImages(repository, promotion) };
}

const ALL_IMAGES = IMAGES.map(({ name }) => name);

function builtImages({ required = ALL_IMAGES, ...args }: ImagesArgs, opts: pulumi.ResourceOptions): Images {
  const contexts = IMAGES.map((spec) => ({ spec, context: stage(args.app, spec) }));
  const specs = contexts.filter(({ spec: { name } }) => args.settings.allImages || required.includes(name));
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
    digests: pulumi.output(Object.fromEntries(digests) as Partial<Record<ImageName, pulumi.Output<string>>>),
  };
}

function releasedImages(
  { repository: { url, credentials }, required = ALL_IMAGES }: ImagesArgs,
  release: string,
): Images {
  const digests = pulumi.all([url, credentials]).apply(async ([repository, login]) => {
    const registry = new Registry(repository, login);
    const found = IMAGES.map(async ({ name }) => {
      const tag = releaseTag(release, name);
      const digest = await registry.digest(tag);
      if (digest) return { [name]: `${repository}@${digest}` };
      if (required.includes(name)) throw userError(`the repository ${repository} has no tag ${tag}`);
      return {};
    });
    return Object.assign({}, ...(await Promise.all(found))) as ImageDigests;
  });
  return { source: sourceOfRelease(release), digests: pulumi.unsecret(digests) };
}
