import { describe, expect, it } from "vitest";
import { keepCache, noteLayers, type CacheRecord } from "../../stack/release/inline-cache";
import { digestOf, manifestBytes, type Manifest, type Registry } from "../../stack/release/registry";

/** The steps of an image with five layers, two of them the base's: `os`, `copy` of what `install` made, `code`. */
const steps = (layers: Record<string, number> = {}): CacheRecord[] =>
  [
    { digest: "base" },
    { digest: "context" },
    { digest: "os", inputs: [[{ link: 0, selector: "/" }], [{ link: 1 }]] },
    { digest: "install", inputs: [[{ link: 2 }], [{ link: 1 }]] },
    { digest: "copy", inputs: [[{ link: 2 }], [{ link: 3, selector: "/out" }]] },
    { digest: "code", inputs: [[{ link: 4 }], [{ link: 1 }]] },
  ].map((record) => (record.digest in layers ? { ...record, layers: [{ layer: layers[record.digest] }] } : record));

const noted = (records: CacheRecord[] | undefined) =>
  records && Object.fromEntries(records.flatMap(({ digest, layers }) => (layers ? [[digest, layers[0].layer]] : [])));

describe("noteLayers", () => {
  const WHOLE = { os: 2, copy: 3, code: 4 };

  it.each([
    ["only the last", { code: 4 }],
    ["none", {}],
    ["one between", { copy: 3 }],
  ])("notes every step of the image, and none of what it only copies from, where %s was noted", (_, known) => {
    expect(noted(noteLayers(steps(known), 5))).toEqual(WHOLE);
  });

  it("notes all records of a step that has several", () => {
    const records = steps({ code: 4 });
    records.push({ digest: "os", inputs: [[{ link: 0 }]] });
    records[4].inputs![0].push({ link: 6 });
    expect(noteLayers(records, 5)?.at(-1)?.layers).toEqual([{ layer: 2 }]);
  });

  it("goes no further down than an image on no base", () => {
    expect(noted(noteLayers(steps(), 2))).toEqual({ copy: 0, code: 1 });
  });

  it.each([
    ["nothing is missing", steps(WHOLE)],
    ["a layer is noted elsewhere", steps({ code: 4, copy: 2 })],
    ["a step beside the image has a layer", steps({ install: 3 })],
    ["two steps are the last", [...steps(), { digest: "other", inputs: [[{ link: 4 }]] }]],
    ["there are no records", []],
  ])("leaves the cache as it is when %s", (_, records) => {
    expect(noteLayers(records, 5)).toBeUndefined();
  });
});

describe("keepCache", () => {
  /** A registry with one image of five layers. */
  function registry(records: CacheRecord[] | undefined) {
    const field = records && Buffer.from(JSON.stringify(records)).toString("base64");
    const put: { config?: Record<string, string>; manifest?: Manifest; tag?: string } = {};
    const layers = ["a", "b", "c", "d", "e"].map((digest) => ({ digest }));
    const fake: Partial<Registry> = {
      manifest: async () => ({ config: { digest: "config" }, layers }) as Manifest,
      blob: async () => Buffer.from(JSON.stringify({ "moby.buildkit.cache.v0": field, name: "new" })),
      digest: async () => put.manifest && digestOf(manifestBytes(put.manifest)),
      putBlob: async (content) => void (put.config = JSON.parse(content.toString())),
      putManifest: async (tag, manifest) => void ((put.tag = tag), (put.manifest = manifest)),
    };
    return { fake: fake as Registry, put };
  }

  it("moves the cache's tag to the same image with a whole cache", async () => {
    const { fake, put } = registry(steps({ code: 4 }));
    await keepCache(fake, "cache-cpu", "new");
    const records = JSON.parse(Buffer.from(put.config!["moby.buildkit.cache.v0"], "base64").toString());
    expect(records[2]).toEqual({ ...steps()[2], layers: [{ layer: 2 }] });
    expect(put).toMatchObject({ tag: "cache-cpu", config: { name: "new" } });
    expect(put.manifest).toMatchObject({
      config: { digest: digestOf(Buffer.from(JSON.stringify(put.config))) },
      layers: { length: 5 },
    });
  });

  it("pushes nothing when the cache is there already", async () => {
    const { fake, put } = registry(steps({ code: 4 }));
    await keepCache(fake, "cache-cpu", "new");
    put.config = undefined;
    await keepCache(fake, "cache-cpu", "new");
    expect(put.config).toBeUndefined();
  });

  it.each([
    ["has a whole cache", steps({ os: 2, copy: 3, code: 4 })],
    ["has no cache", undefined],
  ])("touches nothing when the image %s", async (_, records) => {
    const { fake, put } = registry(records);
    await keepCache(fake, "cache-cpu", "new");
    expect(put).toEqual({});
  });
});
