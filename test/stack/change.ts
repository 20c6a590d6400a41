import { appendFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { docker } from "../harness/engine";
import { Load } from "../harness/load";
import { cacheImage, newLayers, SETTINGS, type LocalService } from "../harness/local-service";

/** Hash of the wheel of six 1.16.0. The lock has a later version. */
const SIX_1_16_0 = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254";

const MAIN = "sample-app/spatialforge/main.py";

/** Updates of all images after changes of code and of dependencies, and an update to an earlier release. */
export function changes(service: LocalService): void {
  let firstRelease: string;

  beforeAll(async () => {
    [firstRelease] = await service.releases();
    await service.up("--all-images");
  });

  it("code: one new layer for all images, and requests are answered during the update", async () => {
    const before = await service.layers();
    service.edit(MAIN, (text) => text.replaceAll("SpatialForge sample", "SpatialForge changed"));
    const load = new Load(() => fetch(`${service.url}/health`).then(({ ok }) => ok));
    const output = await service.up();
    const { sent, failed } = await load.stop();
    expect(output).toMatch(/Took [\d.]+ s/);
    const added = newLayers(before, await service.layers());
    expect(added.map((layers) => layers.length)).toEqual([1, 1, 1]);
    expect(new Set(added.flat().map(({ digest }) => digest)).size).toBe(1);
    expect(await (await fetch(service.url)).json()).toMatchObject({ name: "SpatialForge changed" });
    expect(sent).toBeGreaterThan(20);
    expect(failed).toBeLessThanOrEqual(1);
  });

  // The second time, the build cache in the registry is from a build that used it itself.
  it.each([1, 2])("code, empty build cache: no package is installed again (%i)", async (count) => {
    const before = await service.layers();
    emptyBuildCache();
    appendFileSync(service.path(MAIN), `\n# line ${count}\n`);
    await service.up();
    expect(newLayers(before, await service.layers()).map((layers) => layers.length)).toEqual([1, 1, 1]);
    expect(installedGroups()).toEqual([]);
    expect(executed(/ \/mnt\/check\.py /)).toEqual([]);
  });

  it("light package, empty build cache: at most two new layers per image, and no heavy package is installed", async () => {
    const before = await service.layers();
    emptyBuildCache();
    const [largest] = before.cpu.map(({ size }) => size).sort((a, b) => b - a);
    await service.withEdit(
      "images/locks/sample-app/light.txt",
      (lock) => lock.replace(/^six==.*\n(?: {4}--hash.*\n)*/m, `six==1.16.0 \\\n    --hash=sha256:${SIX_1_16_0}\n`),
      () => service.up(),
    );
    const added = newLayers(before, await service.layers());
    for (const layers of added) {
      expect(layers.length).toBeGreaterThan(0);
      expect(layers.length).toBeLessThanOrEqual(2);
    }
    for (const { size } of added.flat()) expect(size).toBeLessThan(largest / 2);
    expect(installedGroups()).toContain("light");
    expect(installedGroups()).not.toContain("heavy");
  });

  it("earlier release: no build", async () => {
    expect(await service.releases()).toContain(firstRelease);
    const before = service.container("api");
    const output = await service.withEdit(
      SETTINGS,
      (settings) => `${settings}  spatialforge:release: ${firstRelease}\n`,
      () => service.up(),
    );
    expect(output).toContain(`release ${firstRelease}`);
    expect(output).not.toMatch(/docker:index:Image \w+ (creating|updating|replacing)/);
    expect(service.container("api")).not.toBe(before);
  });
}

/** Removes everything from the engine that a build could use, except the base images. */
function emptyBuildCache(): void {
  docker("builder", "prune", "-af");
  docker("rmi", "-f", ...IMAGES.map(({ name }) => cacheImage(name)));
  expect(installedGroups()).toEqual([]);
}

/** Groups of packages that a build has installed since the build cache was empty: each step that ran left its mount in the cache. */
const installedGroups = (): string[] => executed(/install\.py \/mnt\/(\w+)/).map(([, group]) => group);

/** The commands of build steps that match an expression, and ran since the build cache was empty. */
function executed(expression: RegExp): RegExpMatchArray[] {
  const records = docker("system", "df", "-v", "--format", "{{range .BuildCache}}{{println .Description}}{{end}}");
  const commands = [...records.matchAll(/^mount \/ from exec (.*)$/gm)].map(([, command]) => command);
  return commands.map((command) => command.match(expression)).filter((match) => match !== null);
}
