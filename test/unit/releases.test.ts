import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStack } from "../../scripts/operate/stack";
import { describeReleases, listReleases, type ReleaseList } from "../../scripts/releases/list";
import { releaseTable } from "../../scripts/releases/table";
import { chooseRelease } from "../../scripts/rollback/choose-release";
import { rollbackPlan } from "../../scripts/rollback/plan";
import type { ImageName } from "../../stack/images/catalog";
import { releasesOf, rolledBack } from "../../stack/registry/ecr-releases";
import type { EcrImage } from "../../stack/registry/ecr-images";
import { Registry } from "../../stack/registry/registry";
import { registryImages } from "../../stack/registry/registry-images";
import { deploymentTag, releaseTag, verifiedTag } from "../../stack/registry/tags";
import { undoneRollback } from "../../stack/registry/undone-rollback";
import { fakeEngine } from "../harness/fake-engine";
import { FakeEcr } from "../harness/fake-ecr";
import { FakeRegistry } from "../harness/fake-registry";

const ALL: ImageName[] = ["api", "worker", "cpu"];
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const hour = (n: number) => Date.parse("2026-03-02T00:00:00Z") + n * 3_600_000;

/** Images of releases: for each, its ID, the letters of the digests of its images, and the hours of its deployments. */
function imagesOf(...releases: [id: string, letters: string, ...hours: number[]][]): EcrImage[] {
  const images = new Map<string, EcrImage>();
  for (const [id, letters, ...hours] of releases) {
    [...letters].forEach((letter, index) => {
      const image = images.get(letter) ?? { digest: digest(letter), tags: [], pushedAt: 0 };
      image.tags.push(releaseTag(id, ALL[index]));
      if (index === 0) image.tags.push(...hours.map((n) => deploymentTag({ release: id, time: hour(n) })));
      images.set(letter, image);
    });
  }
  return [...images.values()];
}

const list = (images: EcrImage[], running: ReleaseList["running"]): ReleaseList => ({
  releases: describeReleases(images, running, ALL),
  running,
});

/** Release b runs, c has lost an image, and a is the oldest. */
const THREE = list(imagesOf(["v1-a", "abc", 1], ["v2-b", "dbe", 2], ["v1-c", "fb", 0]), {
  api: digest("e"),
  worker: digest("b"),
  beat: digest("e"),
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("the releases of a stack", () => {
  it("are listed with what runs and what the stack can go back to, the last deployed one first", () => {
    expect(THREE.releases).toMatchObject([
      { id: "v2-b", source: "v2", running: true, missing: [], deployedAt: "2026-03-02T02:00:00.000Z" },
      { id: "v1-a", running: false, missing: [] },
      { id: "v1-c", running: false, missing: ["cpu"] },
    ]);
    expect(THREE.releases[0].images.worker?.digest).toBe(digest("b"));
  });

  it("do not run if the services run images of more than one, or none", () => {
    const images = imagesOf(["v1-a", "abc", 1], ["v2-b", "def", 2]);
    const mixed = list(images, { api: digest("c"), worker: digest("e") });
    expect(mixed.releases.filter(({ running }) => running)).toEqual([]);
    expect(releaseTable("dev", mixed)).toMatch(
      /run images of no single release: api cccccccccccc, worker eeeeeeeeeeee\./,
    );
    expect(list(images, {}).releases.filter(({ running }) => running)).toEqual([]);
    expect(releaseTable("dev", list(images, {}))).toContain("No service is running.");
  });

  it("with the same images where they run: the last deployed one runs", () => {
    const { releases } = list(imagesOf(["v1-a", "abc", 3], ["v2-b", "dbc", 2]), {
      api: digest("c"),
      worker: digest("b"),
    });
    expect(releases.map(({ id, running }) => [id, running])).toEqual([
      ["v1-a", true],
      ["v2-b", false],
    ]);
  });

  it("say where each image was verified", () => {
    const images = imagesOf(["v1-a", "abc", 1]);
    images[1].tags.push(verifiedTag(digest("b"), "worker", "ami-0123"), verifiedTag(digest("c"), "api", "fargate"));
    images[2].tags.push(verifiedTag(digest("c"), "beat", "fargate"), verifiedTag(digest("c"), "api", "fargate"));
    const [{ images: described }] = describeReleases(images, {}, ALL);
    expect(described).toEqual({
      api: { digest: digest("a"), verified: [] },
      worker: { digest: digest("b"), verified: ["worker on ami-0123"] },
      cpu: { digest: digest("c"), verified: ["api on fargate", "beat on fargate"] },
    });
  });

  it("are a table with the next step below it", () => {
    const table = releaseTable("dev", THREE);
    expect(table).toMatch(/v2-b +│ v2 +│ 2026-03-02 02:00 UTC │ running +│ api +│ d{12} +│ - /);
    expect(table).toMatch(/v1-c .* incomplete: no cpu/);
    expect(table).toContain("run `npm run rollback -- --stack dev ID`");
    expect(releaseTable("dev", list([], {}))).toBe(
      "dev has no releases: run `pulumi up --stack dev`, which records one.",
    );
  });

  it("on this machine are read from the registry, page by page, and from the containers", async () => {
    const registry = await new FakeRegistry().start();
    const push = (layer: string, ...tags: string[]) => registry.push("spatialforge", { layers: [layer] }, ...tags);
    const old = push("1", releaseTag("v1-a", "cpu"), deploymentTag({ release: "v1-a", time: hour(1) }));
    const current = push(
      "2",
      releaseTag("v2-b", "cpu"),
      deploymentTag({ release: "v2-b", time: hour(2) }),
      "cache-cpu",
    );
    const container = (name: string) => ({ Id: name, Labels: { "spatialforge.service": name } });
    const inspected = { Config: { Image: `${registry.host}/spatialforge@${current}` } };
    await fakeEngine({
      "/containers/json": [container("api"), container("redis")],
      "/containers/api/json": inspected,
    });
    const stack = await openStack("local");
    const { releases, running } = await listReleases({
      ...stack,
      settings: { ...stack.settings, registryPort: Number(registry.host.split(":")[1]) },
    });
    expect(running).toEqual({ api: current });
    expect(releases).toMatchObject([
      { id: "v2-b", running: true, missing: [] },
      { id: "v1-a", running: false, missing: [], images: { cpu: { digest: old } } },
    ]);
    expect(await registryImages(new Registry(`${registry.host}/other`))).toEqual([]);
  });
});

describe("a rollback", () => {
  it("deploys the release that was deployed before the one that runs, and is complete", () => {
    expect(chooseRelease("dev", THREE).id).toBe("v1-a");
    expect(chooseRelease("dev", THREE, "v1-a").id).toBe("v1-a");
  });

  it("deploys the last deployed release if the services run none", () => {
    const images = imagesOf(["v1-a", "abc", 1], ["v2-b", "def", 2]);
    expect(chooseRelease("dev", list(images, { api: digest("0") })).id).toBe("v2-b");
  });

  it.each([
    ["v2-b", "dev already runs the release v2-b."],
    ["v1-d", "dev has no release v1-d: did you mean v1-a?"],
    ["other-12345678", "dev has no release other-12345678: those that it can go back to are v1-a."],
    [
      "v1-c",
      "The release v1-c is incomplete: the registry has no cpu image of it: those that it can go back to are v1-a.",
    ],
  ])("to %s is refused", (id, message) => {
    expect(() => chooseRelease("dev", THREE, id)).toThrow(message);
  });

  it.each([
    [list([], {}), "it has no releases"],
    [list(imagesOf(["v1-a", "abc", 1]), { api: digest("a") }), "it runs the oldest one that is complete"],
  ])("is refused if there is no earlier release", (releases, reason) => {
    expect(() => chooseRelease("dev", releases)).toThrow(`dev has no release to roll back to: ${reason}`);
  });

  it("shows the releases, and the images that change by role", () => {
    const plan = rollbackPlan("dev", THREE, chooseRelease("dev", THREE));
    expect(plan).toMatch(/from +v2-b \(source v2, last deployed 2026-03-02 02:00 UTC\)\n +to +v1-a/);
    expect(plan).toMatch(/api +e{12} -> c{12}\n +worker +b{12} \(unchanged\)\n +beat +e{12} -> c{12}$/);
  });
});

describe("an update after a rollback", () => {
  const releases = releasesOf(imagesOf(["v1-a", "abc", 1, 3], ["v2-b", "def", 2]));
  let ecr: FakeEcr;

  beforeEach(() => {
    ecr = new FakeEcr();
    ecr.use();
    for (const image of imagesOf(["v1-a", "abc", 1, 3], ["v2-b", "def", 2])) {
      for (const tag of image.tags) ecr.push(image.digest, tag);
    }
  });

  it("is recognized: the last deployed release is not the newest", () => {
    expect(rolledBack(releases)).toEqual({ running: "v1-a", newest: "v2-b" });
    expect(rolledBack(releasesOf(imagesOf(["v1-a", "abc", 1], ["v2-b", "def", 2])))).toBeUndefined();
    expect(rolledBack([])).toBeUndefined();
  });

  it("with the images of an earlier release, but a release of its own, is no rollback", () => {
    expect(
      rolledBack(releasesOf(imagesOf(["v1-a", "abc", 1], ["v2-b", "def", 2], ["v3-c", "abc", 3]))),
    ).toBeUndefined();
  });

  it("warns with both releases if it deploys another one", async () => {
    expect(await undoneRollback("dev", "v3-c")).toBe(
      "this update deploys v3-c and undoes a rollback: dev runs v1-a, although v2-b is newer. " +
        "To keep v1-a, set spatialforge:release in Pulumi.dev.yaml",
    );
    expect(await undoneRollback("dev", "v1-a")).toBeUndefined();
  });

  it("does not fail if the releases cannot be read", async () => {
    ecr.error = "access denied";
    expect(await undoneRollback("dev", "v3-c")).toBeUndefined();
  });
});
