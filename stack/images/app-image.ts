import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { keepCache } from "../release/inline-cache";
import { cacheTag, Registry } from "../release/registry";
import type { Inputs } from "../settings/read";
import type { Context } from "../source/stage";
import type { Store } from "./source";
import type { ImageSpec } from "./table";

export interface AppImageArgs {
  inputs: Inputs;
  /** What the image is built from. */
  context: Context;
  /** Holds all images of the stack. */
  store: Store;
}

/** An image of a stack. */
export interface AppImage {
  resource: docker.Image;
  /** `repository@sha256:...` */
  digest: pulumi.Output<string>;
}

/**
 * One image: built from a context with only what it reads, pushed under one constant name that is also its cache, and known by
 * its digest. Nothing that varies without a reason (a date, a release, a ref) is an input, or every update would be a rebuild.
 */
export function appImage(
  spec: ImageSpec,
  { inputs, context, store }: AppImageArgs,
  opts: pulumi.ResourceOptions,
): AppImage {
  const { settings, app, machine } = inputs;
  const { repository, credentials } = store;
  const tag = cacheTag(spec.name);
  const name = pulumi.interpolate`${repository}:${tag}`;
  const resource = new docker.Image(
    spec.name,
    {
      imageName: name,
      registry: credentials && {
        server: repository,
        username: credentials.username,
        password: credentials.password,
      },
      build: {
        context: context.path,
        dockerfile: `${context.path}/Dockerfile`,
        target: spec.name,
        platform: machine.platform,
        builderVersion: docker.BuilderVersion.BuilderBuildKit,
        cacheFrom: { images: [name] },
        args: {
          BUILDKIT_INLINE_CACHE: "1",
          BASE: settings.bases[spec.base],
          UV: settings.bases.uv,
          ROOT: settings.shell || spec.name !== "cpu" ? "os" : "shell-less",
          PYTHON: settings.python,
          PYTHON_BUILDS: settings.indexes.pythonBuilds,
          PYTHON_INDEX: settings.indexes.python,
          TORCH_CPU_INDEX: settings.indexes.torchCpu,
          REBUILD: settings.rebuild,
          SOURCE: app.origin,
          VERSION: app.version,
          REVISION: context.hash,
        },
      },
    },
    opts,
  );
  const kept = pulumi.all([resource.repoDigest, repository, credentials]).apply(async ([digest, at, login]) => {
    if (!pulumi.runtime.isDryRun()) await keepCache(new Registry(at, login), tag, digest.split("@")[1]);
    return digest;
  });
  // The login is secret; the digest is not.
  return { resource, digest: pulumi.unsecret(kept) };
}
