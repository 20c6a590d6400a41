import { digestOf, manifestBytes, type Registry } from "./registry";

/** Where BuildKit keeps the inline cache: in the image's config, as base64 of JSON. */
const FIELD = "moby.buildkit.cache.v0";

/** A step of a build, as the inline cache knows it. */
export interface CacheRecord {
  digest: string;
  /** For each input, the records that it may come from, by their place in the list. The first input is what the step changes. */
  inputs?: { selector?: string; link: number }[][];
  /** The layer that the step made, by its place in the image; absent if the build did not note it. */
  layers?: { layer: number; createdAt?: string }[];
}

/**
 * Puts an image that was just pushed under its cache's name with a whole cache.
 *
 * BuildKit notes no layer for a step that it took from a cache image, nor for one that two builds shared at the same time: the next
 * build on an engine with empty stores would run it again (seen with Docker 26.1; moby/buildkit#1992). The image that runs is not
 * touched: only the cache's tag moves.
 *
 * @param name - the tag of the cache
 * @param pushed - digest of the image that the build pushed
 */
export async function keepCache(registry: Registry, name: string, pushed: string): Promise<void> {
  const manifest = await registry.manifest(pushed);
  const config = JSON.parse((await registry.blob(manifest.config.digest)).toString()) as Record<string, unknown>;
  const field = config[FIELD];
  if (typeof field !== "string") return;
  const records = JSON.parse(Buffer.from(field, "base64").toString()) as CacheRecord[];
  const whole = noteLayers(records, manifest.layers.length);
  if (!whole) return;
  const text = JSON.stringify({ ...config, [FIELD]: Buffer.from(JSON.stringify(whole)).toString("base64") });
  const blob = Buffer.from(text);
  const filled = { ...manifest, config: { ...manifest.config, digest: digestOf(blob), size: blob.length } };
  // An update that built nothing finds it there, and pushes nothing.
  if ((await registry.digest(name)) === digestOf(manifestBytes(filled))) return;
  await registry.putBlob(blob);
  await registry.putManifest(name, filled);
}

/**
 * The records with each step's layer: the last step made the last layer, what it changed has the one below, and so on down to the base.
 * @param count - layers of the image
 * @returns nothing if no layer is missing, or if what is noted contradicts: a wrong cache is worse than one with gaps
 */
export function noteLayers(records: readonly CacheRecord[], count: number): CacheRecord[] | undefined {
  const layers = new Map<CacheRecord, number>();
  const place = (record: CacheRecord, layer: number): boolean => {
    if (!record.inputs || layer < 0) return true; // that is the base
    if ((layers.get(record) ?? layer) !== layer || record.layers?.some((noted) => noted.layer !== layer)) return false;
    if (layers.has(record)) return true;
    layers.set(record, layer);
    return record.inputs[0].every(({ link }) => place(records[link], layer - 1));
  };

  const inputs = new Set(records.flatMap((record) => (record.inputs ?? []).flat().map(({ link }) => records[link])));
  const last = records.filter((record) => record.inputs && !inputs.has(record));
  const consistent =
    new Set(last.map(({ digest }) => digest)).size === 1 &&
    last.every((record) => place(record, count - 1)) &&
    records.every((record) => !record.layers || layers.has(record));
  if (!consistent || [...layers.keys()].every((record) => record.layers)) return undefined;
  return records.map((record) => {
    const layer = layers.get(record);
    return layer === undefined || record.layers ? record : { ...record, layers: [{ layer }] };
  });
}
