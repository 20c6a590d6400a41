import { gzipSync } from "node:zlib";
import { digestOf, manifestBytes, type Manifest, type Registry } from "./registry";

/** Field of the image config in which BuildKit stores the inline cache, as base64 of JSON. */
const CACHE_FIELD = "moby.buildkit.cache.v0";

/** Time in which a registry that was just started must answer, and time between two attempts. */
const START_TIMEOUT_MS = 30_000;
const RETRY_INTERVAL_MS = 200;

/**
 * Creates an empty cache image if the tag does not exist. Without it, the provider reports an error for each image of the first update,
 * although the builds succeed. Waits for a registry that was just started.
 *
 * @param platform - as in `linux/amd64`
 */
export async function ensureCacheImage(registry: Registry, tag: string, platform: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await registry.isAvailable()) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
  }
  if (await registry.digest(tag)) return;
  const [os, architecture] = platform.split("/");
  const archive = Buffer.alloc(1024); // a tar archive without entries
  const layer = gzipSync(archive);
  const config = Buffer.from(
    JSON.stringify({ os, architecture, config: {}, rootfs: { type: "layers", diff_ids: [digestOf(archive)] } }),
  );
  for (const blob of [layer, config]) await registry.putBlob(blob);
  const descriptor = (kind: string, blob: Buffer) => ({
    mediaType: `application/vnd.docker.${kind}`,
    digest: digestOf(blob),
    size: blob.length,
  });
  await registry.putManifest(tag, {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: descriptor("container.image.v1+json", config),
    layers: [descriptor("image.rootfs.diff.tar.gzip", layer)],
  } satisfies Manifest);
}

/** A build step in the inline cache. */
export interface CacheRecord {
  digest: string;
  /** For each input of the step, the records that can provide it, by index. The first input is the file system that the step changes. */
  inputs?: { selector?: string; link: number }[][];
  /** Layer that the step produced, by its index in the image. Absent if the build did not record it. */
  layers?: { layer: number; createdAt?: string }[];
}

/**
 * Completes the inline cache of an image that was just pushed.
 *
 * BuildKit records no layer for a step that it took from a cache image, or that two builds shared at the same time. The next build on an
 * engine with empty stores would run that step again (seen with Docker 26.1; moby/buildkit#1992). The image that services run does not
 * change: only the cache tag moves.
 *
 * @param tag - tag of the cache image
 * @param pushedDigest - digest of the image that the build pushed
 */
export async function completeBuildCache(registry: Registry, tag: string, pushedDigest: string): Promise<void> {
  const manifest = await registry.manifest(pushedDigest);
  const config = JSON.parse((await registry.blob(manifest.config.digest)).toString()) as Record<string, unknown>;
  const field = config[CACHE_FIELD];
  if (typeof field !== "string") return;
  const records = JSON.parse(Buffer.from(field, "base64").toString()) as CacheRecord[];
  const complete = addMissingLayers(records, manifest.layers.length);
  if (!complete) return;
  const completeField = Buffer.from(JSON.stringify(complete)).toString("base64");
  const blob = Buffer.from(JSON.stringify({ ...config, [CACHE_FIELD]: completeField }));
  const newManifest = { ...manifest, config: { ...manifest.config, digest: digestOf(blob), size: blob.length } };
  // An update that built nothing pushes nothing.
  if ((await registry.digest(tag)) === digestOf(manifestBytes(newManifest))) return;
  await registry.putBlob(blob);
  await registry.putManifest(tag, newManifest);
}

/**
 * Adds the layer of each step: the last step produced the last layer, the step that it builds on produced the one below, and so on down
 * to the base image.
 *
 * @param layerCount - number of layers of the image
 * @returns undefined if no layer is missing, or if the recorded layers contradict each other: a wrong cache is worse than an incomplete one
 */
export function addMissingLayers(records: readonly CacheRecord[], layerCount: number): CacheRecord[] | undefined {
  const layers = new Map<CacheRecord, number>();
  const assign = (record: CacheRecord, layer: number): boolean => {
    if (!record.inputs || layer < 0) return true; // the base image
    if ((layers.get(record) ?? layer) !== layer || record.layers?.some((known) => known.layer !== layer)) return false;
    if (layers.has(record)) return true;
    layers.set(record, layer);
    return record.inputs[0].every(({ link }) => assign(records[link], layer - 1));
  };

  const inputs = new Set(records.flatMap((record) => (record.inputs ?? []).flat().map(({ link }) => records[link])));
  const lastSteps = records.filter((record) => record.inputs && !inputs.has(record));
  const consistent =
    new Set(lastSteps.map(({ digest }) => digest)).size === 1 &&
    lastSteps.every((record) => assign(record, layerCount - 1)) &&
    records.every((record) => !record.layers || layers.has(record));
  if (!consistent || [...layers.keys()].every((record) => record.layers)) return undefined;
  return records.map((record) => {
    const layer = layers.get(record);
    return layer === undefined || record.layers ? record : { ...record, layers: [{ layer }] };
  });
}
