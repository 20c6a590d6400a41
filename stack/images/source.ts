import * as pulumi from "@pulumi/pulumi";
import { originOf, type Digests } from "../release/record";
import { Registry, releaseTag, type Credentials } from "../release/registry";
import type { Inputs } from "../settings/read";
import { stage } from "../source/stage";
import { userError } from "../user-error";
import { appImage } from "./app-image";
import { IMAGES, type ImageName, type ImageSpec } from "./table";

/** Where a stack keeps its images. */
export interface Store {
  /** `HOST/NAME` */
  repository: pulumi.Input<string>;
  /** None for the registry of this machine. */
  credentials?: pulumi.Output<Credentials>;
}

/** The images that the services run, and what they were made from. */
export interface Source {
  origin: string;
  images: pulumi.Output<Digests>;
}

/** The three images: those of the release that the settings name, or else built from the app. */
export function images(inputs: Inputs, store: Store, opts: pulumi.ResourceOptions): Source {
  return inputs.settings.release ? earlierImages(store, inputs.settings.release) : builtImages(inputs, store, opts);
}

function builtImages(inputs: Inputs, store: Store, opts: pulumi.ResourceOptions): Source {
  const built = IMAGES.map((spec) => ({ spec, context: stage(inputs.app, spec, inputs.settings.netrc) }));
  // One after the other on each base: two builds that share a step at the same time run it again now and then, though the cache
  // has it (seen with Docker 26.1).
  const before: Partial<Record<ImageSpec["base"], pulumi.Resource>> = {};
  const digests = built.map(({ spec, context }) => {
    const after = pulumi.mergeOptions(opts, { dependsOn: before[spec.base] ?? [] });
    const { resource, digest } = appImage(spec, { inputs, context, store }, after);
    before[spec.base] = resource;
    return [spec.name, digest];
  });
  return {
    origin: inputs.app.ref ?? built[0].context.hash,
    images: pulumi.output(Object.fromEntries(digests) as Record<ImageName, pulumi.Output<string>>),
  };
}

function earlierImages({ repository, credentials }: Store, release: string): Source {
  const found = pulumi.all([repository, credentials]).apply(async ([at, login]) => {
    const registry = new Registry(at, login);
    const digests = IMAGES.map(async ({ name }) => {
      const digest = await registry.digest(releaseTag(release, name));
      if (!digest) throw userError(`${at} has no ${releaseTag(release, name)}`);
      return [name, `${at}@${digest}`];
    });
    return Object.fromEntries(await Promise.all(digests)) as Digests;
  });
  return { origin: originOf(release), images: pulumi.unsecret(found) };
}
