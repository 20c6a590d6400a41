import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { beforeAll, expect, it } from "vitest";
import type { AwsStack } from "../harness/aws-stack";
import { expectOrder } from "../harness/order";

export function prodTests(stack: AwsStack, domain: string): void {
  beforeAll(async () => {
    await stack.start();
    await stack.must("stack init");
    const zone = new CreateHostedZoneCommand({ Name: "example.org", CallerReference: "1" });
    const { HostedZone } = await new Route53Client(stack.emulator.client).send(zone);
    for (const clone of stack.clones)
      stack.set("spatialforge:aws/entry/hostedZoneId", HostedZone?.Id?.split("/").at(-1), clone);
    await stack.note();
    await stack.up();
  });

  it("up from nothing: API and worker run their GPU images, beat the CPU image, by digest", async () => {
    const { images, url } = await stack.outputs();
    expect(url).toBe(`https://${domain}`);
    for (const image of Object.values(images)) expect(image).toMatch(/\/spatialforge-prod@sha256:[0-9a-f]{64}$/);
    expect(await stack.running()).toEqual({ api: images.api, worker: images.worker, beat: images.cpu });
  });

  it("a preview shows nothing to change, on another machine with the same commit too; a refresh finds no drift", async () => {
    await stack.expectUnchanged();
    await stack.expectUnchanged(stack.secondMachine);
    await stack.must("refresh --yes --skip-preview --expect-no-changes");
  });

  it("a change of a page leaves the worker as it is", async () => {
    stack.edit("sample-app/static/about.html", (text) => `${text}\n<!-- changed -->\n`);
    const changes = await stack.changes();
    expect(changes.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "aws:ecs:Service api",
      "aws:ecs:Service beat",
      "aws:ecs:TaskDefinition api",
      "aws:ecs:TaskDefinition beat",
      "aws:ecs:TaskDefinition fill-models",
      "docker:index:Image api",
      "docker:index:Image cpu",
    ]);
  });

  it("a change of a base's digest, whose update is killed after its push, is completed by the next one", async () => {
    const { images: before } = await stack.outputs();
    stack.changeBase();
    await stack.upKilledAfterPush("cpu");
    await stack.up();
    await stack.expectUnchanged();
    const { images } = await stack.outputs();
    expect(images).toEqual({ ...before, cpu: expect.stringMatching(/@sha256:/) });
    expect(images.cpu).not.toBe(before.cpu);
    expect(await stack.runs("beat")).toBe(images.cpu);
  });

  it("no generated secret is in the state or in what was said", async () => {
    await stack.expectNoSecrets();
  });

  it("what holds data is not destroyed until that is allowed; then nothing is left", async () => {
    // The preview refuses; without it, what is not protected would go.
    const refused = await stack.run("destroy --yes");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/protected/);
    expect(await stack.running()).toMatchObject({ api: expect.anything() });

    expectOrder(await stack.resources());
    stack.set("spatialforge:aws/protect", false);
    await stack.up();
    await stack.must("destroy --yes --skip-preview");
    expect(await stack.resources()).toEqual([]);
    expect(await stack.left()).toEqual([]);
  });
}
