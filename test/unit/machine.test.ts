import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcp } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it, vi } from "vitest";
import { machineProblems } from "../../stack/settings/machine";
import { settingsSchema } from "../../stack/settings/schema";

const servers: { close(): unknown }[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  servers.splice(0).forEach((server) => server.close());
});

/** A Docker engine that only says what it is. */
async function engine(version: string, runtimes: object = { runc: {} }): Promise<void> {
  const answers: Record<string, unknown> = {
    version: { Version: version },
    info: { Runtimes: runtimes, Architecture: "aarch64" },
    "containers/json": [],
  };
  const server: Server = createServer(({ url = "" }, response) => {
    const path = Object.keys(answers).find((name) => url.includes(name)) ?? "";
    response.setHeader("content-type", "application/json").end(JSON.stringify(answers[path]));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  servers.push(server);
  vi.stubEnv("DOCKER_HOST", `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const check = (values: object) =>
  machineProblems(settingsSchema.parse({ port: 18471, registryPort: 18472, ...values }), "local");

it("an engine that does not run", async () => {
  vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:9");
  const { problems } = await check({});
  expect(problems).toEqual([
    expect.objectContaining({
      key: "platform",
      remedy: expect.stringMatching(/does not answer at tcp:\/\/127.0.0.1:9 .*start it/),
    }),
  ]);
});

it("an engine that is too old", async () => {
  await engine("20.10.24");
  const { problems } = await check({});
  expect(problems).toEqual([
    expect.objectContaining({ key: "platform", remedy: expect.stringMatching(/20\.10\.24.*23 or newer/) }),
  ]);
});

it("an engine without the nvidia runtime where one is required", async () => {
  await engine("26.1.5");
  expect((await check({ gpu: "required" })).problems).toEqual([
    expect.objectContaining({ key: "gpu", remedy: expect.stringMatching(/NVIDIA Container Toolkit/) }),
  ]);
});

it.each([
  ["auto", true],
  ["required", true],
  ["off", false],
])("an engine with the nvidia runtime, gpu %s", async (gpu, used) => {
  await engine("26.1.5", { nvidia: {} });
  expect(await check({ gpu })).toMatchObject({ problems: [], machine: { platform: "linux/arm64", gpu: used } });
});

it("a port that is taken", async () => {
  await engine("26.1.5");
  const taken = createTcp();
  await new Promise<void>((ready) => taken.listen(0, "127.0.0.1", ready));
  servers.push(taken);
  const port = (taken.address() as AddressInfo).port;
  const { problems } = await check({ port });
  expect(problems).toEqual([
    expect.objectContaining({
      key: "port",
      value: String(port),
      remedy: expect.stringMatching(/something else listens/),
    }),
  ]);
});

it("a release while no registry answers, and an app that is not there, at once", async () => {
  await engine("26.1.5");
  const { problems } = await check({ release: "abc-123", app: { path: "nowhere" } });
  expect(problems.map(({ key }) => key)).toEqual(["app", "release"]);
  expect(problems[1].remedy).toMatch(/does not answer/);
});

it("aws without a region, and without an engine to build with: both at once", async () => {
  vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:9");
  vi.stubEnv("AWS_REGION", undefined);
  const { problems } = await check({ platform: "aws" });
  expect(problems.map(({ key, value, remedy }) => [key, value, remedy])).toEqual([
    ["platform", "aws", expect.stringMatching(/Docker engine does not answer/)],
    ["platform", "aws", expect.stringMatching(/no region is set: `pulumi config set aws:region/)],
  ]);
});

it("credentials that only the provider would take", async () => {
  vi.stubEnv("AWS_REGION", "us-east-1");
  pulumi.runtime.setConfig("aws:assumeRoles", '[{"roleArn":"arn:aws:iam::123456789012:role/deploy"}]');
  const { problems } = await check({ platform: "aws" });
  pulumi.runtime.setConfig("aws:assumeRoles", "");
  expect(problems.map(({ remedy }) => remedy)).toContainEqual(
    expect.stringMatching(/only the provider takes aws:assumeRoles, .*`pulumi config set aws:profile NAME`/),
  );
});
