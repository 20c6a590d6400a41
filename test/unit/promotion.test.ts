import { randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AppSource } from "../../stack/app/source";
import { openApp } from "../../stack/app/source";
import { parseSettings } from "../../stack/config/parse";
import { settingsSchema } from "../../stack/config/schema";
import * as inputs from "../../stack/images/build-inputs";
import { IMAGES, PREVIEW_DIGEST, type ImageName } from "../../stack/images/catalog";
import { promotedImages } from "../../stack/images/promoted-images";
import type { Promotion } from "../../stack/images/promotion";
import { findPromotion } from "../../stack/preflight/promotion";
import { copyImage } from "../../stack/registry/copy-image";
import { Registry } from "../../stack/registry/registry";
import { releaseId } from "../../stack/registry/release";
import { builtTag, deploymentTag, releaseTag, verifiedTag } from "../../stack/registry/tags";
import { FakeRegistry } from "../harness/fake-registry";
import "../../stack/startup"; // formatting the stacks of Pulumi's promises would take most of the time of a test

const DEV = "spatialforge-dev";
const PROD = "spatialforge-prod";
const { PARTS } = vi.hoisted(() => ({ PARTS: { code: "1", light: "2" } }));
const SETTINGS = settingsSchema.parse({ platform: "aws", promoteFrom: "dev", app: { path: "sample-app" } });

let registry: FakeRegistry;
let app: AppSource;

vi.mock("../../stack/clients/ecr-login", () => ({
  ecrLogin: () => Promise.resolve({ host: registry.host, username: "AWS", password: "secret" }),
}));
vi.mock("../../stack/app/build-context", () => ({
  stage: (_: unknown, { name }: { name: string }) => ({ path: `.build/${name}`, hash: "1", parts: PARTS }),
}));
// The fake registry has no TLS.
vi.mock("../../stack/registry/registry", async (original) => {
  const actual = await original<typeof import("../../stack/registry/registry")>();
  class PlainRegistry extends actual.Registry {
    constructor(repository: string) {
      super(repository);
    }
  }
  return { ...actual, Registry: PlainRegistry };
});

beforeEach(async () => {
  registry = await new FakeRegistry().start();
  const mocks = { newResource: () => ({ id: "", state: {} }), call: () => ({}) };
  await pulumi.runtime.setMocks(mocks, "spatialforge", "prod");
  app = await openApp({ path: "sample-app" });
});
afterEach(() => vi.restoreAllMocks());

/** The labels of an image that was built from the settings of the test, with some inputs changed. */
function labelsOf(name: ImageName, changed: Record<string, string> = {}): Record<string, string> {
  const spec = IMAGES.find((image) => image.name === name)!;
  const context = { path: "", hash: "1", parts: PARTS as never, compiles: false };
  const settings = inputs.inputSettings(spec, { settings: SETTINGS, app, platform: "linux/amd64", context });
  const { code = PARTS.code, ...others } = changed;
  return {
    [inputs.PARTS_LABEL]: JSON.stringify({ ...PARTS, code }),
    [inputs.INPUTS_LABEL]: JSON.stringify({ ...settings, ...others }),
  };
}

interface DevRelease {
  changed?: Record<string, string>;
  hour?: number;
  verified?: boolean;
}

/** Records a release of dev, as an update does. Returns its ID and the digests of its images. */
function releaseOfDev({ changed, hour = 1, verified = true }: DevRelease = {}) {
  const images = Object.fromEntries(
    IMAGES.map(({ name, base }) => [
      name,
      registry.push(DEV, { labels: labelsOf(name, changed), layers: [base, "torch", `code ${name} ${hour}`] }),
    ]),
  ) as Record<ImageName, string>;
  const digests = Object.fromEntries(Object.entries(images).map(([name, digest]) => [name, `r@${digest}`]));
  const id = releaseId("v1", digests);
  const { tags } = registry.repository(DEV);
  for (const [name, digest] of Object.entries(images)) {
    tags.set(releaseTag(id, name), digest);
    if (verified) tags.set(verifiedTag(digest, name === "cpu" ? "beat" : name, "fargate"), digest);
  }
  tags.set(deploymentTag({ release: id, time: Date.UTC(2026, 2, 2, hour) }), images.api);
  return { id, images };
}

async function find({ preview = false, deployed }: { preview?: boolean; deployed?: Promotion } = {}) {
  vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(preview);
  return findPromotion(SETTINGS, app, deployed);
}

describe("a promotion", () => {
  it("takes the last deployed release with the same build inputs, and its ID", async () => {
    releaseOfDev({ hour: 1 });
    const { id, images } = releaseOfDev({ hour: 2 });
    releaseOfDev({ hour: 3, changed: { code: "other" } });
    const { promotion, problems } = await find();
    expect(problems).toEqual([]);
    expect(promotion).toMatchObject({ from: "dev", release: id, images });
  });

  it("takes what the last update promoted again, without a request, while the inputs are the same", async () => {
    releaseOfDev();
    const { promotion: deployed } = await find();
    registry.requests.length = 0;
    expect(await find({ preview: true, deployed })).toEqual({ promotion: deployed, problems: [] });
    expect(registry.requests).toEqual([]);
    const outdated = { ...deployed!, inputs: "other" };
    expect((await find({ deployed: outdated })).promotion).toEqual(deployed);
  });

  it.each([
    ["code", { code: "other" }, "code"],
    ["a base and the version of the app", { "bases.gpu": "other", "app.version": "2" }, "app.version, bases.gpu"],
  ])("of an update is refused if no release has the same inputs: %s", async (_, changed, names) => {
    const { id } = releaseOfDev({ changed });
    expect((await find()).problems).toEqual([
      {
        key: "promoteFrom",
        value: "dev",
        remedy: `dev has no release with the build inputs of this stack. From its newest release ${id} these differ: ${names}. Deploy the same version and settings to dev first, or build: \`pulumi config rm spatialforge:promoteFrom\``,
      },
    ]);
  });

  it("of an update is refused if the images have no label, as those of an earlier version of this program", async () => {
    const { id, images } = releaseOfDev();
    for (const { name } of IMAGES) {
      const digest = registry.push(DEV, { layers: [name] });
      registry.repository(DEV).tags.set(releaseTag(id, name), digest);
      expect(digest).not.toBe(images[name]);
    }
    expect((await find()).problems[0].remedy).toMatch(/these differ: .*code/);
  });

  it("in a preview has placeholders until the other stack has such a release", async () => {
    releaseOfDev({ changed: { code: "other" } });
    const { promotion, problems } = await find({ preview: true });
    expect(problems).toEqual([]);
    expect(new Set(Object.values(promotion!.images))).toEqual(new Set([PREVIEW_DIGEST]));
  });

  it("is refused without the repository, without a release, and without a verification, also in a preview", async () => {
    expect((await find({ preview: true })).problems[0].remedy).toBe(
      "there is no ECR repository spatialforge-dev in this account and region: run `pulumi up --stack dev` first",
    );
    registry.push(DEV, { layers: ["x"] }, "cache-api");
    expect((await find()).problems[0].remedy).toBe("dev has no release: run `pulumi up --stack dev` first");
    const { id } = releaseOfDev({ verified: false });
    expect((await find({ preview: true })).problems[0].remedy).toBe(
      `the release ${id} of dev has the same build inputs, but its images api, worker, cpu were not verified: set spatialforge:aws.verifyImages of dev to true, and run \`pulumi up --stack dev\` first`,
    );
  });

  it("says what is missing if the releases cannot be read", async () => {
    vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(null, { status: 403 }));
    expect((await find()).problems[0].remedy).toMatch(/cannot be read \(.*HTTP 403\)\): allow ecr:ListImages/);
  });
});

describe("the images of a promotion", () => {
  const promote = async (promotion: Promotion) => {
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(false);
    registry.repository(PROD);
    const images = promotedImages({ url: `${registry.host}/${PROD}` }, promotion);
    return (images as unknown as { promise(): Promise<Record<string, string>> }).promise();
  };

  it("are copied with their digests and the tags of their verification", async () => {
    const { images } = releaseOfDev();
    const { promotion } = await find();
    const digests = await promote(promotion!);
    for (const { name } of IMAGES) expect(digests[name]).toBe(`${registry.host}/${PROD}@${images[name]}`);
    expect(registry.tagsOf(PROD)).toEqual(
      IMAGES.flatMap(({ name }) => [
        builtTag(images[name], name),
        verifiedTag(images[name], name === "cpu" ? "beat" : name, "fargate"),
      ]).sort(),
    );
  });

  it("need no access to the other repository again", async () => {
    releaseOfDev();
    const { promotion } = await find();
    await promote(promotion!);
    registry.requests.length = 0;
    await promote(promotion!);
    expect(registry.requests.filter((request) => request.includes(DEV))).toEqual([]);
    expect(registry.requests.filter((request) => !request.startsWith("HEAD"))).toEqual([]);
  });
});

describe("a copy of an image", () => {
  const layers = ["base", "torch ".repeat(100_000), "code"];
  const log: string[] = [];
  const copy = (digest: string) =>
    copyImage({
      source: new Registry(`${registry.host}/${DEV}`),
      target: new Registry(`${registry.host}/${PROD}`),
      digest,
      tags: ["built-1"],
      log: (line) => log.push(line),
    });

  beforeEach(() => {
    registry.repository(PROD);
    log.length = 0;
  });

  it("moves only the blobs that are missing, if the registry mounts none", async () => {
    const digest = registry.push(DEV, { layers });
    registry.push(PROD, { layers: layers.slice(0, 2) });
    await copy(digest);
    const [, manifest] = [...registry.repository(DEV).manifests][0];
    const { config } = JSON.parse(manifest.toString()) as { config: { size: number } };
    // The two configurations are equal: both images have no labels.
    expect(registry.uploadedBytes).toBe(layers[2].length);
    expect(config.size).toBeGreaterThan(0);
    expect(registry.repository(PROD).tags.get("built-1")).toBe(digest);
    expect(log[0]).toBe(`copying 1 of 4 blobs, 1 MB, from ${registry.host}/${DEV}`);
  });

  it("moves no byte if the registry mounts blobs", async () => {
    registry.mounts = true;
    const digest = registry.push(DEV, { layers });
    await copy(digest);
    expect(registry.uploadedBytes).toBe(0);
    expect(registry.requests.filter((request) => /^(PATCH|GET .*blobs)/.test(request))).toEqual([]);
    expect(registry.repository(PROD).tags.get("built-1")).toBe(digest);
    expect(log[1]).toMatch(/^copied 0 blobs in .* s, and mounted 4 without a copy$/);
  });

  it("tries an upload again that breaks off", async () => {
    registry.brokenUploads = 1;
    const large = randomBytes(3_000_000).toString("base64");
    const digest = registry.push(DEV, { layers: [large] });
    await copy(digest);
    expect(registry.repository(PROD).tags.get("built-1")).toBe(digest);
    expect(registry.requests.filter((request) => request.startsWith("PATCH"))).toHaveLength(3); // two blobs
  });

  it("does nothing if the repository has the image and its tags", async () => {
    const digest = registry.push(DEV, { layers });
    registry.push(PROD, { layers }, "built-1");
    await copy(digest);
    expect(registry.requests.filter((request) => !/^(HEAD|GET)/.test(request))).toEqual([]);
  });
});

describe("the setting promoteFrom", () => {
  const problemsOf = (values: Record<string, string>, stack = "prod") =>
    parseSettings({ stack, values: { app: '{"path":"sample-app"}', ...values } }).problems.filter(
      ({ key }) => key === "promoteFrom",
    );

  it.each([
    ["prod", "aws", /from itself/],
    ["dev", "docker", /only stacks of the platform aws/],
    ["a b", "aws", /the name of another stack, as in dev/],
  ])("%s on the platform %s is refused", (promoteFrom, platform, remedy) => {
    expect(problemsOf({ promoteFrom, platform })).toEqual([
      { key: "promoteFrom", value: promoteFrom, remedy: expect.stringMatching(remedy) as string },
    ]);
  });

  it("can name another stack, also one whose name is a number", () => {
    expect(problemsOf({ promoteFrom: "1", platform: "aws" })).toEqual([]);
  });
});
