import * as pulumi from "@pulumi/pulumi";
import { repositoryName } from "../pulumi/stack-name";
import { copyImage } from "../registry/copy-image";
import { Registry, type ImageRepository } from "../registry/registry";
import { builtTag, verificationOfTag } from "../registry/tags";
import { IMAGES, type ImageDigests } from "./catalog";
import type { Promotion } from "./promotion";

/**
 * The images of a release of another stack, which are copied to the repository of this stack. They keep their digests, and the tags that say where
 * they were verified: an image is not verified again for the same role on the same AMI. A preview copies nothing.
 */
export function promotedImages(
  { url, credentials }: ImageRepository,
  promotion: Promotion,
): pulumi.Output<ImageDigests> {
  const digests = pulumi.all([url, credentials]).apply(async ([repository, login]) => {
    if (!pulumi.runtime.isDryRun()) {
      const host = repository.slice(0, repository.indexOf("/"));
      const source = new Registry(`${host}/${repositoryName(promotion.from)}`, login);
      await copyImages(source, new Registry(repository, login), promotion);
    }
    const images = IMAGES.map(({ name }) => [name, `${repository}@${promotion.images[name]}`]);
    return Object.fromEntries(images) as ImageDigests;
  });
  return pulumi.unsecret(digests); // the credentials are secret
}

/** Copies one image after the other: they share most of their layers, and the next one finds those that are there. */
async function copyImages(source: Registry, target: Registry, { images }: Promotion): Promise<void> {
  let sourceTags: string[] | undefined;
  for (const { name } of IMAGES) {
    const digest = images[name];
    const last = builtTag(digest, name);
    // A copy that was completed needs no access to the other repository.
    if ((await target.digest(last)) === digest) continue;
    sourceTags ??= (await source.tags()) ?? [];
    const verified = sourceTags.filter((tag) => verificationOfTag(tag, digest));
    const log = (line: string) => void pulumi.log.info(`${name}: ${line}`, undefined, undefined, true);
    await copyImage({ source, target, digest, tags: [...verified, last], log });
  }
}
