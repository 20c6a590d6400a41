import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { writeNetrc, type BuildContext } from "../app/build-context";
import { proxyArguments, writeBuildNetwork } from "../app/build-network";
import type { AppSource } from "../app/source";
import type { Settings } from "../config/schema";
import { completeBuildCache, ensureCacheImage } from "../registry/build-cache";
import { Registry, type ImageRepository } from "../registry/registry";
import { imageDigest } from "../registry/release";
import { builtTag, cacheTag } from "../registry/tags";
import { inputSettings } from "./build-inputs";
import type { ImageSpec } from "./catalog";

export interface ImageArgs {
  settings: Settings;
  /** Credentials for the package indexes, in the format of a .netrc file. A secret. */
  netrc: pulumi.Output<string>;
  app: AppSource;
  /** Platform that the image is built for, as in `linux/amd64`. */
  platform: string;
  context: BuildContext;
  repository: ImageRepository;
}

/** An image that was built and pushed. */
export interface Image {
  resource: docker.Image;
  /** `repository@sha256:...` */
  digest: pulumi.Output<string>;
}

/** The build arguments for the root file system. */
function rootArgs(spec: ImageSpec, { app, keepPrograms, shell }: Settings): Record<string, string> {
  const { systemPackages = [] } = app;
  const OS = systemPackages.length + keepPrograms.length > 0 ? "system" : "os";
  return {
    OS,
    ROOT: shell || spec.name !== "cpu" ? OS : "shell-less",
    SYSTEM_PACKAGES: systemPackages.join(" "),
    KEEP_PROGRAMS: keepPrograms.join(" "),
  };
}

/**
 * Builds an image from its build context and pushes it under a constant name, which is also the name of its build cache. Services run it by
 * digest. Values that can change while the content stays the same, such as a date, a release, or a ref, are not inputs: each change of an
 * input builds the image again.
 */
export function image(spec: ImageSpec, args: ImageArgs, opts: pulumi.ResourceOptions): Image {
  const { settings, netrc, app, platform, context } = args;
  const { url, credentials, deletesUntagged = false } = args.repository;
  const tag = cacheTag(spec.name);
  const imageName = pulumi.unsecret(
    pulumi.all([url, credentials]).apply(async ([repository, login]) => {
      if (!pulumi.runtime.isDryRun()) await ensureCacheImage(new Registry(repository, login), tag, platform);
      return `${repository}:${tag}`;
    }),
  );
  writeBuildNetwork(context.path, {
    caBundle: settings.build.caBundle,
    osMirror: settings.indexes.osPackages,
  });
  const contextPath = pulumi.unsecret(
    netrc.apply((text) => {
      writeNetrc(context.path, text);
      return context.path;
    }),
  );
  const resource = new docker.Image(
    spec.name,
    {
      imageName,
      registry: credentials && {
        server: url,
        username: credentials.username,
        password: credentials.password,
      },
      build: {
        context: contextPath,
        dockerfile: pulumi.interpolate`${contextPath}/Dockerfile`,
        target: spec.name,
        platform,
        builderVersion: docker.BuilderVersion.BuilderBuildKit,
        cacheFrom: { images: [imageName] },
        args: {
          ...proxyArguments(settings.build),
          BUILDKIT_INLINE_CACHE: "1",
          BASE: settings.bases[spec.base],
          UV: settings.bases.uv,
          BUILDER: context.compiles ? "compilers" : "installer",
          BUILD_PACKAGES: context.compiles ? (settings.app.buildPackages ?? []).join(" ") : "",
          ...rootArgs(spec, settings),
          PYTHON: settings.python,
          PYTHON_BUILDS: settings.indexes.pythonBuilds,
          PYTHON_INDEX: settings.indexes.python,
          EXTRA_INDEXES: settings.indexes.extra.join(" "),
          TORCH_CPU_INDEX: settings.indexes.torchCpu,
          REBUILD: settings.rebuild,
          SOURCE: app.repository,
          VERSION: app.distribution.version,
          REVISION: context.hash,
          PARTS: JSON.stringify(context.parts),
          INPUTS: JSON.stringify(inputSettings(spec, args)),
        },
      },
    },
    opts,
  );
  const digest = pulumi.all([resource.repoDigest, url, credentials]).apply(async ([pushed, repository, login]) => {
    if (!pulumi.runtime.isDryRun()) {
      const registry = new Registry(repository, login);
      if (deletesUntagged) await registry.tag(imageDigest(pushed), builtTag(imageDigest(pushed), spec.name));
      await completeBuildCache(registry, tag, imageDigest(pushed));
    }
    return pushed;
  });
  // The credentials are secret. The digest is not.
  return { resource, digest: pulumi.unsecret(digest) };
}
