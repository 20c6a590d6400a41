import { Registry, type Manifest } from "./registry";

/** Where BuildKit keeps the inline cache: in the image's config, as base64 of JSON. */
const FIELD = "moby.buildkit.cache.v0";

/** A step of a build, as the inline cache knows it. */
interface CacheRecord {
  digest: string;
  /** For each input, the records that it may come from, by their place in the list. */
  inputs?: { selector?: string; link: number }[][];
  /** The layer that the step made, by its place in the image; absent if the build did not keep it. */
  layers?: { layer: number; createdAt?: string }[];
}

interface Image {
  manifest: Manifest;
  config: Record<string, unknown>;
}

/**
 * Puts an image that was just pushed under its cache's name with a whole cache.
 *
 * An engine that takes a step from a cache image does not note that step's layer in the image that it builds then: its next build on an
 * engine with empty stores would run every step again (seen with Docker 26.1; moby/buildkit#1992). So what the earlier cache image
 * knew of the layers that both images start with is noted in the new one. The image that runs is not touched: only the cache's tag moves.
 *
 * @param name - the tag of the cache
 * @param earlier - digest behind that tag before the build; nothing if there was none
 * @param pushed - digest of the image that the build pushed
 */
export async function keepCache(registry: Registry, name: string, earlier: string | undefined, pushed: string) {
  if (!earlier || earlier === pushed) return;
  const [before, now] = await Promise.all([read(registry, earlier), read(registry, pushed)]);
  const records = recordsOf(now);
  const known = recordsOf(before);
  const common = commonLayers(before.manifest, now.manifest);
  const same = sameStep(records, known);
  for (const [place, record] of records.entries()) {
    record.layers ??= known.find(
      (other, at) => other.layers?.every(({ layer }) => layer < common) && same(place, at),
    )?.layers;
  }
  const config = { ...now.config, [FIELD]: Buffer.from(JSON.stringify(records)).toString("base64") };
  const { digest, size } = await registry.putBlob(Buffer.from(JSON.stringify(config)));
  await registry.putManifest(name, { ...now.manifest, config: { ...now.manifest.config, digest, size } });
}

async function read(registry: Registry, reference: string): Promise<Image> {
  const manifest = await registry.manifest(reference);
  return { manifest, config: JSON.parse((await registry.blob(manifest.config.digest)).toString()) as Image["config"] };
}

function recordsOf({ config }: Image): CacheRecord[] {
  const field = config[FIELD];
  return typeof field === "string" ? (JSON.parse(Buffer.from(field, "base64").toString()) as CacheRecord[]) : [];
}

/** How many layers, from the base up, are the same in both. */
function commonLayers(one: Manifest, other: Manifest): number {
  const differs = one.layers.findIndex(({ digest }, place) => digest !== other.layers[place]?.digest);
  return differs < 0 ? one.layers.length : differs;
}

/**
 * Tells whether a record of one list is the same step as one of another: with the same digest, and for each input a source in common. (Which
 * sources BuildKit lists for an input differs from one build to the next; each of them alone makes the step's cache key.)
 */
function sameStep(
  ones: readonly CacheRecord[],
  others: readonly CacheRecord[],
): (one: number, other: number) => boolean {
  const known = new Map<string, boolean>();
  const same = (one: number, other: number): boolean => {
    const pair = `${one} ${other}`;
    const answer = known.get(pair) ?? compare(ones[one], others[other]);
    known.set(pair, answer);
    return answer;
  };
  const compare = (one: CacheRecord, other: CacheRecord): boolean =>
    one.digest === other.digest &&
    (one.inputs ?? []).length === (other.inputs ?? []).length &&
    (one.inputs ?? []).every((sources, input) =>
      sources.some((a) =>
        other.inputs![input].some((b) => (a.selector ?? "") === (b.selector ?? "") && same(a.link, b.link)),
      ),
    );
  return same;
}
