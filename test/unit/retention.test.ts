import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lifecycleRules } from "../../stack/aws/storage/repository";
import type { ImageDigests } from "../../stack/images/catalog";
import { ecrReleases } from "../../stack/registry/ecr-releases";
import type { Registry } from "../../stack/registry/registry";
import { recordRelease } from "../../stack/registry/release";
import { retainReleases } from "../../stack/registry/retention";
import { builtTag, cacheTag } from "../../stack/registry/tags";
import { FakeEcr } from "../harness/fake-ecr";

const RETAINED = 10;
let ecr: FakeEcr;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-01-01T00:00:00Z"), toFake: ["Date"] });
  ecr = new FakeEcr();
  ecr.use();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets days pass. ECR applies the lifecycle policy each day. */
function wait(days: number): void {
  for (let day = 0; day < days; day++) {
    vi.setSystemTime(Date.now() + 24 * 60 * 60 * 1000);
    ecr.expire(lifecycleRules());
  }
}

const digest = (name: string) => `sha256:${name}`;

/** The images of an update. Those that are not given have a version of their own. */
const imagesOf = (version: string, same: Partial<Record<"api" | "worker" | "cpu", string>> = {}) => ({
  api: `api-${version}`,
  worker: `worker-${version}`,
  cpu: `cpu-${version}`,
  ...same,
});

/** Pushes images, as an update does that fails afterwards. The cache tag moves to an image with the complete build cache. */
function build(images: Record<string, string>): void {
  for (const [name, image] of Object.entries(images)) {
    ecr.push(digest(image), cacheTag(name));
    void ecr.tag(digest(image), builtTag(digest(image), name));
    ecr.push(digest(`${image}-with-cache`), cacheTag(name));
  }
}

/** The end of an update, after a minute, whose services all run their new tasks. Returns the warning. */
async function deploy(release: string, images: Record<string, string>, retained = RETAINED) {
  vi.setSystemTime(Date.now() + 60_000);
  const entries = Object.entries(images).map(([name, image]) => [name, `repository@${digest(image)}`]);
  const digests = Object.fromEntries(entries) as ImageDigests;
  const registry = ecr as Pick<Registry, "tag"> as Registry;
  await recordRelease(registry, release, digests);
  return retainReleases({ registry, release, images: digests, retained });
}

async function update(release: string, images = imagesOf(release), retained = RETAINED): Promise<void> {
  build(images);
  expect(await deploy(release, images, retained)).toBeUndefined();
}

const releases = async () => (await ecrReleases()).map(({ id }) => id);

describe("an image that runs", () => {
  it("stays if it is unchanged over 30 releases of the others", async () => {
    for (let version = 1; version <= 30; version++) {
      await update(`r-${version}`, imagesOf(String(version), { worker: "worker" }));
      wait(1);
      expect(ecr.digests).toContain(digest("worker"));
    }
    const newest = Array.from({ length: RETAINED }, (_, index) => 30 - index);
    expect(await releases()).toEqual(newest.map((version) => `r-${version}`));
    for (const version of newest) {
      expect(ecr.digests).toEqual(expect.arrayContaining([digest(`api-${version}`), digest(`cpu-${version}`)]));
    }
    expect(ecr.digests).not.toContain(digest("api-1"));
  });

  it("stays after a failed update, in which one service got its new image, until an update completes", async () => {
    await update("first");
    build(imagesOf("failed"));
    wait(60);
    expect(ecr.digests).toContain(digest("worker-failed"));
    await update("next");
    expect(ecr.digests.filter((one) => !one.endsWith("-with-cache")).sort()).toEqual(
      [...Object.values(imagesOf("first")), ...Object.values(imagesOf("next"))].map(digest).sort(),
    );
  });

  it("stays if a registry has no other release, also without an update for a year", async () => {
    await update("only");
    wait(365);
    expect(ecr.digests).toEqual(expect.arrayContaining(Object.values(imagesOf("only")).map(digest)));
  });
});

describe("the retained releases", () => {
  it("are those that were deployed last, also by a rollback", async () => {
    for (const release of ["a", "b", "c"]) {
      await update(release, imagesOf(release), 3);
      wait(20);
    }
    await deploy("a", imagesOf("a"), 3);
    wait(20);
    await update("d", imagesOf("d"), 3);
    expect(await releases()).toEqual(["d", "a", "c"]);
    expect(ecr.digests).not.toContain(digest("worker-b"));
    expect(ecr.tags.filter((tag) => tag.startsWith("deployed-"))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^deployed-20260302T000400Z-a$/)]),
    );
    expect(ecr.tags.filter((tag) => /^deployed-.*-a$/.test(tag))).toHaveLength(2); // the first and the last
  });

  it("are ordered by their deployment if they have the same images", async () => {
    const images = imagesOf("same");
    for (const release of ["z", "a", "m"]) {
      await update(release, images, 2);
      wait(1);
    }
    expect(await releases()).toEqual(["m", "a"]);
    expect(ecr.tags).not.toContain("release-z-api");
  });

  it("include releases that were recorded without a time, ordered by the push of their images", async () => {
    for (const release of ["a", "b", "c"]) {
      build(imagesOf(release));
      for (const [name, image] of Object.entries(imagesOf(release))) {
        await ecr.tag(digest(image), `release-${release}-${name}`);
      }
      wait(1);
    }
    await update("d", imagesOf("d"), 3);
    expect(await releases()).toEqual(["d", "c", "b"]);
  });

  it("keep the tags of their images and of the build cache, and tags that the program does not know", async () => {
    await update("a", imagesOf("a"), 2);
    for (const tag of ["verified-0123456789ab-worker-ami", "mine"]) await ecr.tag(digest("worker-a"), tag);
    await ecr.tag(digest("api-a"), "verified-0123456789ab-api-ami");
    await update("b", imagesOf("b"), 2);
    wait(20);
    expect(ecr.tags).toEqual(expect.arrayContaining(["verified-0123456789ab-worker-ami", "mine"]));
    await update("c", imagesOf("c"), 2);
    expect(await releases()).toEqual(["c", "b"]);
    expect(ecr.digests).toContain(digest("worker-a"));
    expect(ecr.digests).not.toContain(digest("api-a"));
    expect(ecr.tags.filter((tag) => /^(verified|mine)/.test(tag))).toEqual(["mine"]);
  });

  it("do not change if the same release is deployed again", async () => {
    await update("a");
    const { tags } = ecr;
    wait(1);
    ecr.calls.length = 0;
    await update("a");
    expect(ecr.tags).toEqual(tags);
    expect(ecr.calls).toEqual(["DescribeImagesCommand"]);
  });
});

describe("an image in no release", () => {
  it("stays for 14 days, so that it need not be built or verified again", async () => {
    build(imagesOf("failed"));
    await ecr.tag(digest("worker-failed"), "verified-0123456789ab-worker-ami");
    await update("a");
    wait(13);
    await update("b");
    expect(ecr.tags).toContain("verified-0123456789ab-worker-ami");
    wait(2);
    await update("c");
    expect(ecr.digests).not.toContain(digest("worker-failed"));
  });
});

it("removes more tags than one request can have", async () => {
  for (let release = 0; release < 60; release++) await update(`r-${release}`, imagesOf("same"), 100);
  await update("last", imagesOf("last"), 2);
  expect(await releases()).toEqual(["last", "r-59"]);
  expect(ecr.calls.filter((name) => name === "BatchDeleteImageCommand")).toHaveLength(3);
});

describe("a failure does not fail the update", () => {
  it("of a tag: the warning has the reason", async () => {
    for (const release of ["a", "b"]) await update(release, imagesOf(release), 2);
    ecr.failures["release-a-cpu"] = "KMS key is disabled";
    wait(20);
    build(imagesOf("c"));
    expect(await deploy("c", imagesOf("c"), 2)).toBe(
      "cannot remove old releases from the ECR repository: release-a-cpu: KMS key is disabled",
    );
    expect(await releases()).toEqual(["c", "b", "a"]);
  });

  it("of the API: the warning has the reason", async () => {
    build(imagesOf("a"));
    ecr.error = "access denied";
    expect(await deploy("a", imagesOf("a"))).toBe("cannot remove old releases from the ECR repository: access denied");
  });
});
