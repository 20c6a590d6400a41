import type { ImageName } from "../../stack/images/catalog";
import { IMAGES } from "../../stack/images/catalog";
import { ecrImages, type EcrImage } from "../../stack/registry/ecr-images";
import { releasesOf } from "../../stack/registry/ecr-releases";
import { localRepository, Registry } from "../../stack/registry/registry";
import { registryImages } from "../../stack/registry/registry-images";
import { sourceOfRelease } from "../../stack/registry/release";
import { verificationOfTag } from "../../stack/registry/tags";
import { UserError } from "../operate/command";
import type { OperatedStack } from "../operate/stack";
import { runningOnAws, runningOnDocker, type RunningImages } from "./running-images";

/** A release of a stack. */
export interface Release {
  id: string;
  /** What the images were built from: a ref, or a hash of the source files. */
  source: string;
  /** Time of the last deployment, in ISO 8601. Absent if none was recorded. */
  deployedAt?: string;
  /** Whether the services run it. */
  running: boolean;
  /** Images that the registry no longer has. Without them, the stack cannot go back to the release. */
  missing: ImageName[];
  images: Partial<Record<ImageName, ReleaseImage>>;
}

export interface ReleaseImage {
  /** `sha256:...` */
  digest: string;
  /** Where it was verified, as in `worker on ami-0123`. */
  verified: string[];
}

/** The releases of a stack, the last deployed one first, and what its services run. */
export interface ReleaseList {
  releases: Release[];
  running: RunningImages;
}

/**
 * Reads the releases of a stack from its registry, and what runs from ECS or from the Docker engine.
 * @throws UserError if the Docker engine or the registry on this machine does not answer, or the error of AWS
 */
export async function listReleases(stack: OperatedStack): Promise<ReleaseList> {
  const [images, running] =
    stack.settings.platform === "aws"
      ? await Promise.all([ecrImages(), runningOnAws(stack.awsName)])
      : await readLocal(stack);
  return { releases: describeReleases(images, running, requiredImages(stack, images, running)), running };
}

async function readLocal({ name, settings }: OperatedStack): Promise<[EcrImage[], RunningImages]> {
  const running = await runningOnDocker(name).catch((error: Error) => {
    throw new UserError(`The Docker engine does not answer (${error.message}). Start it, and run the command again.`);
  });
  const repository = localRepository(settings.registryPort);
  const images = await registryImages(new Registry(repository)).catch((error: Error) => {
    const { message } = (error.cause as Error | undefined) ?? error;
    throw new UserError(`The registry of ${repository} does not answer (${message}). Start it with \`npm run up\`.`);
  });
  return [images, running];
}

/** The images that a release must have. On this machine, these are the images that the services run, with or without a GPU. */
function requiredImages(
  { settings }: OperatedStack,
  images: readonly EcrImage[],
  running: RunningImages,
): readonly ImageName[] {
  const all = IMAGES.map(({ name }) => name);
  if (settings.platform === "aws") return all;
  const digests = Object.values(running);
  return all.filter((name) => releasesOf(images).some((release) => digests.includes(release.images[name] ?? "")));
}

/**
 * Describes the releases of some images.
 * @param required - images without which a release cannot be deployed
 */
export function describeReleases(
  images: readonly EcrImage[],
  running: RunningImages,
  required: readonly ImageName[],
): Release[] {
  const tags = new Map(images.map((image) => [image.digest, image.tags]));
  const releases = releasesOf(images);
  const isRunning = (digests: readonly string[]) =>
    Object.keys(running).length > 0 && Object.values(running).every((digest) => digests.includes(digest));
  // Releases can have the same images where the services run them. The last deployed one runs.
  const current = releases.find((release) => isRunning(Object.values(release.images)));
  return releases.map(({ id, deployedAt, images: digests }) => ({
    id,
    source: sourceOfRelease(id),
    ...(deployedAt && { deployedAt: new Date(deployedAt).toISOString() }),
    running: id === current?.id,
    missing: required.filter((name) => !digests[name]),
    images: Object.fromEntries(
      IMAGES.flatMap(({ name }) => {
        const digest = digests[name];
        return digest ? [[name, { digest, verified: verifiedOn(digest, tags.get(digest) ?? []) }]] : [];
      }),
    ),
  }));
}

const verifiedOn = (digest: string, tags: readonly string[]): string[] =>
  tags
    .flatMap((tag) => verificationOfTag(tag, digest) ?? [])
    .map(({ role, host }) => `${role} on ${host}`)
    .sort();
