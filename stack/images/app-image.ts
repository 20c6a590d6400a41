import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { keepCache } from "../release/inline-cache";
import { cacheTag, Registry } from "../release/registry";
import type { Inputs } from "../settings/read";
import type { Context } from "../source/stage";
import type { ImageSpec } from "./table";

export interface AppImageArgs {
  inputs: Inputs;
  /** What the image is built from. */
  context: Context;
  /** Repository that holds all images of the stack. */
  repository: string;
}

/**
 * One image: built from a context with only what it reads, pushed under one constant name that is also its cache, and known by
 * its digest. Nothing that varies without a reason (a date, a release, a ref) is an input, or every update would be a rebuild.
 * @returns `repository@sha256:...`
 */
export function appImage(
  spec: ImageSpec,
  { inputs, context, repository }: AppImageArgs,
  opts: pulumi.ResourceOptions,
): pulumi.Output<string> {
  const { settings, app, machine } = inputs;
  const tag = cacheTag(spec.name);
  const name = `${repository}:${tag}`;
  const registry = new Registry(repository);
  const image = new docker.Image(
    spec.name,
    {
      imageName: name,
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
  return image.repoDigest.apply(async (digest) => {
    if (!pulumi.runtime.isDryRun()) await keepCache(registry, tag, digest.split("@")[1]);
    return digest;
  });
}
