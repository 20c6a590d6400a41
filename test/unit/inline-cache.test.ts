import { expect, it } from "vitest";
import { keepCache } from "../../stack/release/inline-cache";
import type { Manifest, Registry } from "../../stack/release/registry";

const BASE = { digest: "base" };
const install = (layers?: object[]) => ({ digest: "install", inputs: [[{ link: 0 }]], ...(layers && { layers }) });
const copy = (of: string, layers: object[]) => ({ digest: of, inputs: [[{ selector: "app", link: 1 }]], layers });

/** A registry with two images of two layers each: `old` knows every step's layer, `new` only that of its last step. */
function registry(firstLayerOfNew: string) {
  const image = (name: string, layers: string[], records: object[]) => ({
    manifest: { config: { digest: `config-${name}` }, layers: layers.map((digest) => ({ digest })) } as Manifest,
    config: { "moby.buildkit.cache.v0": Buffer.from(JSON.stringify(records)).toString("base64"), name },
  });
  const images = {
    old: image("old", ["a", "b"], [BASE, install([{ layer: 0 }]), copy("old code", [{ layer: 1 }])]),
    new: image("new", [firstLayerOfNew, "c"], [BASE, install(), copy("new code", [{ layer: 1 }])]),
  };
  const put: { config?: Record<string, string>; manifest?: Manifest; tag?: string } = {};
  const fake: Partial<Registry> = {
    manifest: async (digest) => images[digest as "old"].manifest,
    blob: async (digest) => Buffer.from(JSON.stringify(images[digest.slice("config-".length) as "old"].config)),
    putBlob: async (content) => ((put.config = JSON.parse(content.toString())), { digest: "whole", size: 1 }),
    putManifest: async (tag, manifest) => void ((put.tag = tag), (put.manifest = manifest)),
  };
  const records = () =>
    JSON.parse(Buffer.from(put.config!["moby.buildkit.cache.v0"], "base64").toString()) as { layers?: object[] }[];
  return { fake: fake as Registry, put, records };
}

it("notes the layers that the earlier image knew, and keeps everything else of the new one", async () => {
  const { fake, put, records } = registry("a");
  await keepCache(fake, "cache-cpu", "old", "new");
  expect(records().map(({ layers }) => layers)).toEqual([undefined, [{ layer: 0 }], [{ layer: 1 }]]);
  expect(put).toMatchObject({ tag: "cache-cpu", config: { name: "new" } });
  expect(put.manifest).toMatchObject({ config: { digest: "whole" }, layers: [{ digest: "a" }, { digest: "c" }] });
});

it("notes no layer above the first that differs", async () => {
  const { fake, records } = registry("another a");
  await keepCache(fake, "cache-cpu", "old", "new");
  expect(records()[1].layers).toBeUndefined();
});

it.each([
  ["there was no earlier image", undefined],
  ["nothing was built", "new"],
])("touches nothing when %s", async (_, earlier) => {
  const { fake, put } = registry("a");
  await keepCache(fake, "cache-cpu", earlier, "new");
  expect(put).toEqual({});
});
