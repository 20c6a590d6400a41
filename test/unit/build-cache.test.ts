import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  addMissingLayers,
  completeBuildCache,
  ensureCacheImage,
  type CacheRecord,
} from "../../stack/registry/build-cache";
import { digestOf, manifestBytes, type Manifest, type Registry } from "../../stack/registry/registry";

/**
 * The records of an image with five layers: two of the base, then those of `os`, `copy`, and `code`. `copy` copies from `install`, whose
 * layer is not part of the image.
 */
const steps = (layers: Record<string, number> = {}): CacheRecord[] =>
  [
    { digest: "base" },
    { digest: "context" },
    { digest: "os", inputs: [[{ link: 0, selector: "/" }], [{ link: 1 }]] },
    { digest: "install", inputs: [[{ link: 2 }], [{ link: 1 }]] },
    { digest: "copy", inputs: [[{ link: 2 }], [{ link: 3, selector: "/out" }]] },
    { digest: "code", inputs: [[{ link: 4 }], [{ link: 1 }]] },
  ].map((record) => (record.digest in layers ? { ...record, layers: [{ layer: layers[record.digest] }] } : record));

/** The layer of each record that has one, by digest. */
const layersOf = (records: CacheRecord[] | undefined) =>
  records && Object.fromEntries(records.flatMap(({ digest, layers }) => (layers ? [[digest, layers[0].layer]] : [])));

describe("addMissingLayers", () => {
  const COMPLETE = { os: 2, copy: 3, code: 4 };

  it.each([
    ["only the last layer", { code: 4 }],
    ["no layer", {}],
    ["only a layer in the middle", { copy: 3 }],
  ])("adds the layers of the image, and no layer of a step that it copies from, if %s is recorded", (_, known) => {
    expect(layersOf(addMissingLayers(steps(known), 5))).toEqual(COMPLETE);
  });

  it("adds the layer to all records of a step", () => {
    const records = steps({ code: 4 });
    records.push({ digest: "os", inputs: [[{ link: 0 }]] });
    records[4].inputs![0].push({ link: 6 });
    expect(addMissingLayers(records, 5)?.at(-1)?.layers).toEqual([{ layer: 2 }]);
  });

  it("stops at the first layer of an image without a base", () => {
    expect(layersOf(addMissingLayers(steps(), 2))).toEqual({ copy: 0, code: 1 });
  });

  it.each([
    ["no layer is missing", steps(COMPLETE)],
    ["a step has another layer", steps({ code: 4, copy: 2 })],
    ["a step outside the image has a layer", steps({ install: 3 })],
    ["there are two last steps", [...steps(), { digest: "other", inputs: [[{ link: 4 }]] }]],
    ["there are no records", []],
  ])("changes nothing if %s", (_, records) => {
    expect(addMissingLayers(records, 5)).toBeUndefined();
  });
});

describe("completeBuildCache", () => {
  /** A registry with one image that has five layers. */
  function registry(records: CacheRecord[] | undefined) {
    const field = records && Buffer.from(JSON.stringify(records)).toString("base64");
    const pushed: { config?: Record<string, string>; manifest?: Manifest; tag?: string } = {};
    const layers = ["a", "b", "c", "d", "e"].map((digest) => ({ digest }));
    const fake: Partial<Registry> = {
      manifest: async () => ({ config: { digest: "config" }, layers }) as Manifest,
      blob: async () => Buffer.from(JSON.stringify({ "moby.buildkit.cache.v0": field, name: "new" })),
      digest: async () => pushed.manifest && digestOf(manifestBytes(pushed.manifest)),
      putBlob: async (content) => void (pushed.config = JSON.parse(content.toString())),
      putManifest: async (tag, manifest) => void ((pushed.tag = tag), (pushed.manifest = manifest)),
    };
    return { fake: fake as Registry, pushed };
  }

  it("moves the cache tag to the same image with a complete cache", async () => {
    const { fake, pushed } = registry(steps({ code: 4 }));
    await completeBuildCache(fake, "cache-cpu", "new");
    const records = JSON.parse(Buffer.from(pushed.config!["moby.buildkit.cache.v0"], "base64").toString());
    expect(records[2]).toEqual({ ...steps()[2], layers: [{ layer: 2 }] });
    expect(pushed).toMatchObject({ tag: "cache-cpu", config: { name: "new" } });
    expect(pushed.manifest).toMatchObject({
      config: { digest: digestOf(Buffer.from(JSON.stringify(pushed.config))) },
      layers: { length: 5 },
    });
  });

  it("pushes nothing if the registry has the complete cache", async () => {
    const { fake, pushed } = registry(steps({ code: 4 }));
    await completeBuildCache(fake, "cache-cpu", "new");
    pushed.config = undefined;
    await completeBuildCache(fake, "cache-cpu", "new");
    expect(pushed.config).toBeUndefined();
  });

  it.each([
    ["has a complete cache", steps({ os: 2, copy: 3, code: 4 })],
    ["has no cache", undefined],
  ])("pushes nothing if the image %s", async (_, records) => {
    const { fake, pushed } = registry(records);
    await completeBuildCache(fake, "cache-cpu", "new");
    expect(pushed).toEqual({});
  });
});

describe("ensureCacheImage", () => {
  /** A registry that answers from the second request on. */
  function registry(digest?: string) {
    const pushed = { blobs: [] as Buffer[], manifests: {} as Record<string, Manifest> };
    let requests = 0;
    const fake: Partial<Registry> = {
      isAvailable: async () => requests++ > 0,
      digest: async () => digest,
      putBlob: async (content) => void pushed.blobs.push(content),
      putManifest: async (tag, manifest) => void (pushed.manifests[tag] = manifest),
    };
    return { fake: fake as Registry, pushed };
  }

  it("waits for the registry and pushes an empty image for the platform", async () => {
    const { fake, pushed } = registry();
    await ensureCacheImage(fake, "cache-cpu", "linux/arm64");
    const [layer, config] = pushed.blobs;
    expect(JSON.parse(config.toString())).toMatchObject({
      os: "linux",
      architecture: "arm64",
      rootfs: { type: "layers", diff_ids: [digestOf(gunzipSync(layer))] },
    });
    expect(pushed.manifests).toMatchObject({
      "cache-cpu": {
        config: { digest: digestOf(config), size: config.length },
        layers: [{ digest: digestOf(layer), size: layer.length }],
      },
    });
  });

  it("pushes nothing if the registry has a cache image", async () => {
    const { fake, pushed } = registry("sha256:1");
    await ensureCacheImage(fake, "cache-cpu", "linux/amd64");
    expect(pushed).toEqual({ blobs: [], manifests: {} });
  });
});
