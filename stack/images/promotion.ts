import { createHash } from "node:crypto";
import { releasesOf, type EcrRelease } from "../registry/ecr-releases";
import { digestOf, type Registry } from "../registry/registry";
import { releaseTag, verificationOfTag } from "../registry/tags";
import { differentInputs, inputsOfLabels, type BuildInputs } from "./build-inputs";
import { IMAGES, type ImageName } from "./catalog";

/** A release of another stack that this stack deploys, because it was built from the same inputs. */
export interface Promotion {
  /** Name of the other stack. */
  from: string;
  /** Digest of the build inputs. */
  inputs: string;
  /** ID of the release. It is the same in both stacks. */
  release: string;
  /** Digest of each image, as in `sha256:...`. */
  images: Record<ImageName, string>;
}

/** The inputs of the images that a stack would build. */
export type WantedInputs = Record<ImageName, BuildInputs>;

/** Digest of the inputs of all images. */
export const digestOfInputs = (wanted: WantedInputs): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(wanted).map(([name, inputs]) => [name, Object.entries(inputs).sort()])))
    .digest("hex");

/** Result of the search for a release with the wanted inputs. */
export type FoundRelease =
  | { kind: "found"; release: string; images: Record<ImageName, string> }
  /** There is no such repository. */
  | { kind: "no repository" }
  /** No release has the wanted inputs. `newest` and its inputs that differ, if there is a release. */
  | { kind: "no release"; newest?: string; different: string[] }
  /** The release has the wanted inputs, but some of its images were not verified. */
  | { kind: "not verified"; release: string; images: ImageName[] };

/** Releases that are compared, from the last deployed one. Each takes six requests. */
const COMPARED = 20;

/** Finds the last deployed release that has all images, that was built from the wanted inputs, and whose images are verified. */
export async function findRelease(registry: Registry, wanted: WantedInputs): Promise<FoundRelease> {
  const tags = await registry.tags();
  if (!tags) return { kind: "no repository" };
  let failure: FoundRelease | undefined;
  for (const { id } of completeReleases(tags).slice(0, COMPARED)) {
    const images = await readImages(registry, id);
    const different = IMAGES.flatMap(({ name }) => differentInputs(images[name].inputs ?? {}, wanted[name]));
    if (different.length) {
      failure ??= { kind: "no release", newest: id, different: [...new Set(different)].sort() };
      continue;
    }
    const unverified = IMAGES.filter(({ name }) => !tags.some((tag) => verificationOfTag(tag, images[name].digest)));
    if (unverified.length) {
      failure = { kind: "not verified", release: id, images: unverified.map(({ name }) => name) };
      continue;
    }
    const digests = IMAGES.map(({ name }) => [name, images[name].digest]);
    return { kind: "found", release: id, images: Object.fromEntries(digests) as Record<ImageName, string> };
  }
  return failure ?? { kind: "no release", different: [] };
}

/** The releases that have a tag for each image, the last deployed one first. Their digests are not known: a list of tags has none. */
const completeReleases = (tags: string[]): EcrRelease[] =>
  releasesOf([{ digest: "", tags, pushedAt: 0 }]).filter(({ imageCount }) => imageCount === IMAGES.length);

type ReleaseImages = Record<ImageName, { digest: string; inputs?: BuildInputs }>;

async function readImages(registry: Registry, release: string): Promise<ReleaseImages> {
  const images = IMAGES.map(async ({ name }) => {
    const manifest = await registry.rawManifest(releaseTag(release, name));
    const { config } = JSON.parse(manifest.toString()) as { config: { digest: string } };
    const { config: settings } = JSON.parse((await registry.blob(config.digest)).toString()) as {
      config?: { Labels?: Record<string, string> };
    };
    return [name, { digest: digestOf(manifest), inputs: inputsOfLabels(settings?.Labels ?? {}) }];
  });
  return Object.fromEntries(await Promise.all(images)) as ReleaseImages;
}
