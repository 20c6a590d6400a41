import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { stackName } from "../../stack/pulumi/stack-name";
import { ecrImages } from "../../stack/registry/ecr-images";
import { ecrReleases } from "../../stack/registry/ecr-releases";
import { digestOf, type Registry } from "../../stack/registry/registry";
import { recordRelease } from "../../stack/registry/release";
import { retainReleases } from "../../stack/registry/retention";
import { manifestOf, startEmulatedEcr } from "../harness/emulated-ecr";
import type { Emulator } from "../harness/emulator";

const DAY_MS = 24 * 60 * 60 * 1000;
const RETAINED = 10;
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulatedEcr("dev");
});
afterAll(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await emulator.stop();
});

const digest = (content: string) => digestOf(Buffer.from(manifestOf(content)));

it("an image that is unchanged over 30 releases of the others stays, and so do the retained releases", async () => {
  const contents = new Map<string, string>();
  const tag = async (image: string, name: string) =>
    emulator.putImage(stackName(), name, manifestOf(contents.get(image) ?? ""));
  const registry = { tag } as Registry;
  const imagesOf = (version: number) => ["worker", `api-${version}`, `cpu-${version}`];
  const start = Date.now();
  for (let version = 1; version <= 30; version++) {
    vi.useFakeTimers({ now: start + version * DAY_MS, toFake: ["Date"] });
    for (const content of imagesOf(version)) contents.set(digest(content), content);
    const images = Object.fromEntries(
      imagesOf(version).map((content) => [content.split("-")[0], `repository@${digest(content)}`]),
    );
    await recordRelease(registry, `r-${version}`, images);
    const release = `r-${version}`;
    expect(await retainReleases({ registry, release, images, retained: RETAINED })).toBeUndefined();
  }
  const versions = Array.from({ length: RETAINED }, (_, index) => 30 - index);
  const releases = (await ecrReleases()).map(({ id, imageCount, deployedAt }) => [id, imageCount, deployedAt]);
  const time = (version: number) => Math.floor((start + version * DAY_MS) / 1000) * 1000;
  expect(releases).toEqual(versions.map((version) => [`r-${version}`, 3, time(version)]));
  const expected = new Set(versions.flatMap(imagesOf).map(digest));
  expect(new Set((await ecrImages()).map((image) => image.digest))).toEqual(expected);
});
