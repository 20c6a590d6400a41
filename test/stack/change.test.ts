import { appendFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { docker } from "../harness/engine";
import { IMAGES } from "../../stack/images/table";
import { added, cacheImage, LocalService } from "../harness/local-service";

/** The hash of an earlier version's wheel. */
const SIX_1_16_0 = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254";

const MAIN = "sample-app/spatialforge/main.py";
const service = new LocalService();

let first: string;

beforeAll(async () => {
  docker("builder", "prune", "-af"); // an earlier run has made the same changes
  const said = await service.up();
  first = /release (\S+)\.$/m.exec(said)![1];
});
afterAll(() => service.down());

it("a change of code pushes one layer, the same one for all images, while requests are answered", async () => {
  const old = await service.layers();
  service.edit(MAIN, (text) => text.replaceAll("SpatialForge sample", "SpatialForge changed"));
  const traffic = new Traffic(`${service.url}/health`);
  const text = await service.up();
  const { asked, failed } = await traffic.end();
  expect(text).toMatch(/Took [\d.]+ s/);
  const fresh = added(old, await service.layers());
  expect(fresh.map((layers) => layers.length)).toEqual([1, 1, 1]);
  expect(new Set(fresh.flat().map(({ digest }) => digest)).size).toBe(1);
  expect(await (await fetch(service.url)).json()).toMatchObject({ name: "SpatialForge changed" });
  expect(asked).toBeGreaterThan(20);
  expect(failed).toBeLessThanOrEqual(1);
});

it.each([1, 2])(
  "a change of code on an engine that has only the registry runs no install step again (%i)",
  async (turn) => {
    const old = await service.layers();
    emptyEngine();
    appendFileSync(service.path(MAIN), `\n# another line ${turn}\n`);
    await service.up();
    expect(added(old, await service.layers()).map((layers) => layers.length)).toEqual([1, 1, 1]);
    expect(steps()).toEqual([]);
  },
);

it("a change of a light dependency pushes at most two layers of an image and installs nothing heavy, there too", async () => {
  const old = await service.layers();
  emptyEngine();
  const [heaviest] = old.cpu.map(({ size }) => size).sort((a, b) => b - a);
  await service.edited(
    "images/locks/sample-app/light.txt",
    (lock) => lock.replace(/^six==.*\n(?: {4}--hash.*\n)*/m, `six==1.16.0 \\\n    --hash=sha256:${SIX_1_16_0}\n`),
    () => service.up(),
  );
  const fresh = added(old, await service.layers());
  for (const layers of fresh) {
    expect(layers.length).toBeGreaterThan(0);
    expect(layers.length).toBeLessThanOrEqual(2);
  }
  for (const { size } of fresh.flat()) expect(size).toBeLessThan(heaviest / 2);
  expect(steps()).toContain("light");
  expect(steps()).not.toContain("heavy");
});

it("an earlier release comes back without a build", async () => {
  expect(await service.releases()).toContain(first);
  const running = service.container("api");
  const text = await service.edited(
    "Pulumi.local.yaml",
    (settings) => `${settings}  spatialforge:release: ${first}\n`,
    () => service.up(),
  );
  expect(text).toContain(`release ${first}`);
  expect(text).not.toMatch(/docker:index:Image \w+ (creating|updating|replacing)/);
  expect(service.container("api")).not.toBe(running);
});

/** Takes all from the engine that a build could use, but the bases. */
function emptyEngine(): void {
  docker("builder", "prune", "-af");
  docker("rmi", "-f", ...IMAGES.map(({ name }) => cacheImage(name)));
  expect(steps()).toEqual([]);
}

/** The groups that were installed since the engine was emptied: each step that ran left its mount in the engine's build cache. */
function steps(): string[] {
  const records = docker("system", "df", "-v", "--format", "{{range .BuildCache}}{{println .Description}}{{end}}");
  return [...records.matchAll(/^mount \/ from exec .*install\.py \/mnt\/(\w+)/gm)].map(([, group]) => group);
}

/** One request after another, ten in a second at most. */
class Traffic {
  private asked = 0;
  private failed = 0;
  private ended = false;
  private readonly asking: Promise<void>;

  constructor(private readonly url: string) {
    this.asking = this.ask();
  }

  private async ask(): Promise<void> {
    for (; !this.ended; await new Promise((next) => setTimeout(next, 100))) {
      this.asked++;
      if (
        !(await fetch(this.url).then(
          ({ ok }) => ok,
          () => false,
        ))
      )
        this.failed++;
    }
  }

  async end(): Promise<{ asked: number; failed: number }> {
    this.ended = true;
    await this.asking;
    return { asked: this.asked, failed: this.failed };
  }
}
