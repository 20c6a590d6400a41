import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { beforeAll, expect, it } from "vitest";
import type { Summary } from "../../scripts/preview/summary";
import { releaseTag, verificationOfTag } from "../../stack/registry/tags";
import type { AwsStack } from "../harness/aws-stack";
import { expectScreen } from "./previews";
import { expectOrder } from "../harness/order";

/** @param source - repository of the stack from which the first release is promoted */
export function prodTests(stack: AwsStack, domainName: string, source: string): void {
  let firstPreview: Summary;
  let firstUpdate: string;

  beforeAll(async () => {
    await stack.start();
    await stack.must("stack init");
    const createZone = new CreateHostedZoneCommand({ Name: "example.org", CallerReference: "1" });
    const { HostedZone } = await new Route53Client(stack.emulator.clientConfig).send(createZone);
    for (const clone of stack.clones)
      stack.set("spatialforge:aws/loadBalancer/hostedZoneId", HostedZone?.Id?.split("/").at(-1), clone);
    await stack.countInitialResources();
    await stack.commit();
    firstPreview = JSON.parse((await stack.summary("--json")).text) as Summary;
    for (const clone of stack.clones) stack.set("spatialforge:promoteFrom", "dev", clone);
    firstUpdate = await stack.must("up --yes --policy-pack policy");
  });

  it("the first update promotes the release of dev: it builds nothing, and the digests are the same", async () => {
    const { images, release } = await stack.outputs();
    const [dev, prod] = [source, stack.repository].map((repository) => stack.ecr.registry(repository));
    const tags = (await dev.tags()) ?? [];
    for (const [name, image] of Object.entries(images)) {
      const digest = image.split("@")[1];
      const verified = tags.filter((tag) => verificationOfTag(tag, digest));
      expect(verified).not.toEqual([]);
      for (const tag of [releaseTag(release, name), ...verified]) {
        expect([tag, await dev.digest(tag)]).toEqual([tag, digest]);
        expect([tag, await prod.digest(tag)]).toEqual([tag, digest]);
      }
    }
    expect(firstUpdate).not.toMatch(/docker:index:Image/);
    expect(firstUpdate).toMatch(/api: copying \d+ of \d+ blobs/);
  });

  it("a promotion of a version that dev does not have is refused before anything changes", async () => {
    stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- not on dev -->\n`);
    const { code, text } = await stack.run("up --yes --skip-preview");
    stack.edit("sample-app/static/about.html", (page) => page.replace("\n<!-- not on dev -->\n", ""));
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /spatialforge:promoteFrom = dev\s+dev has no release with the build inputs .* differ: static files/,
    );
    expect(text).not.toMatch(/aws:ecs:Service/);
  });

  it("the summary of the first preview says what is built and created, and what it costs", async () => {
    expect(firstPreview).toMatchObject({
      result: "changed",
      errors: [],
      images: ["api", "worker", "cpu"].map((image) => ({ image, reasons: [{ part: "first build", details: [] }] })),
      restarts: { gpuInstances: false, roles: [] },
      removals: [],
      settings: [],
      policy: [],
      // The totals that test/unit/cost.test.ts works out by hand.
      cost: { after: { atRest: 2740.39, atFullScale: 5042.83 }, unpriced: [] },
    });
    expect(firstPreview.cost).not.toHaveProperty("before");
    await expectScreen(firstPreview, "a first deployment");
  });

  it("API and worker run their GPU images and beat the CPU image, by digest", async () => {
    const { images, url } = await stack.outputs();
    expect(url).toBe(`https://${domainName}`);
    for (const image of Object.values(images)) expect(image).toMatch(/\/spatialforge-prod@sha256:[0-9a-f]{64}$/);
    expect(await stack.imagesByRole()).toEqual({ api: images.api, worker: images.worker, beat: images.cpu });
  });

  it("a preview shows no changes, also on another machine, and a refresh finds no drift", async () => {
    await stack.expectUnchanged();
    await stack.expectUnchanged(stack.secondMachine);
    await stack.must("refresh --yes --skip-preview --expect-no-changes");
  });

  it("the summary of a preview that Pulumi refuses names the protected data and the step that comes first", async () => {
    await stack.commit();
    stack.set("spatialforge:aws/redis/snapshotName", "before-the-incident");
    const { code, text } = await stack.summary("--json");
    await stack.restore();
    expect(code).toBe(1);
    const { result, errors, removals } = JSON.parse(text) as Summary;
    expect(result).toBe("failed");
    expect(errors.join("\n")).toMatch(/unable to replace resource .*::redis"/);
    expect(removals).toContainEqual(
      expect.objectContaining({
        ...{ op: "replace", name: "redis", protected: true },
        stateful: expect.objectContaining({ step: "redis.md#restore" }) as object,
      }),
    );
  });

  it("without promoteFrom, the same version is built, and only its images are new", async () => {
    for (const clone of stack.clones) stack.set("spatialforge:promoteFrom", "", clone);
    const changes = await stack.changes();
    expect(changes.filter(({ type }) => type === "docker:index:Image").map(({ op }) => op)).toEqual(
      Array(3).fill("created"),
    );
  });

  it("a change of a static file does not update the worker", async () => {
    stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`);
    const changes = await stack.changes();
    expect(changes.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:ecs:Service api",
      "aws:ecs:Service beat",
      "aws:ecs:TaskDefinition api-task-definition",
      "aws:ecs:TaskDefinition beat-task-definition",
      "aws:ecs:TaskDefinition model-download-task-definition",
      "docker:index:Image api",
      "docker:index:Image cpu",
    ]);
  });

  it("the next update completes a change of a base image that was killed after its push", async () => {
    const { images: before } = await stack.outputs();
    stack.changeBase();
    await stack.upKilledAfterPush("cpu");
    await stack.up();
    await stack.expectUnchanged();
    const { images } = await stack.outputs();
    expect(images).toEqual({ ...before, cpu: expect.stringMatching(/@sha256:/) });
    expect(images.cpu).not.toBe(before.cpu);
    expect(await stack.runningImage("beat")).toBe(images.cpu);
  });

  it("no generated secret is in the state or the output of the CLI", async () => {
    await stack.expectNoSecrets();
  });

  it("destroy is rejected until deletion protection is off, and then leaves nothing", async () => {
    // The preview rejects it. Without a preview, resources that are not protected would be deleted.
    const rejected = await stack.run("destroy --yes");
    expect(rejected.code).not.toBe(0);
    expect(rejected.text).toMatch(/protected/);
    expect(await stack.imagesByRole()).toMatchObject({ api: expect.anything() });

    expectOrder(await stack.resources());
    stack.set("spatialforge:aws/deletionProtection", false);
    await stack.up();
    await stack.must("destroy --yes --skip-preview");
    expect(await stack.resources()).toEqual([]);
    expect(await stack.remainingResources()).toEqual([]);
  });
}
