import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import { preflight } from "../../stack/preflight/preflight";
import { fakeEngine, listen, noEngine } from "../harness/fake-engine";

/** Ports that nothing listens on. */
const FREE = { port: 18471, registryPort: 18472, objectStorePort: 18473 };

const check = (values: object) => preflight(settingsSchema.parse({ ...FREE, ...values }), "local");
const keysOf = async (values: object) => (await check(values)).problems.map(({ key }) => key);

describe("engine", () => {
  it("must answer", async () => {
    noEngine();
    const { problems, engine } = await check({});
    expect(problems).toEqual([
      expect.objectContaining({
        key: "platform",
        remedy: expect.stringMatching(/does not answer at tcp:\/\/127.0.0.1:9 .*start it/),
      }),
    ]);
    expect(engine).toBeUndefined();
  });

  it("must not be too old", async () => {
    await fakeEngine({ "/version": { Version: "20.10.24" } });
    const { problems } = await check({});
    expect(problems).toEqual([
      expect.objectContaining({ key: "platform", remedy: expect.stringMatching(/20\.10\.24.*23 or newer/) }),
    ]);
  });

  it("tells the platform of the images", async () => {
    await fakeEngine();
    expect(await check({})).toMatchObject({ problems: [], engine: { platform: "linux/arm64" } });
  });
});

describe("gpu", () => {
  /** An engine with the runtime `nvidia`. In a container, nvidia-smi prints this and exits with this code. */
  const engineWithGpu = (output: string, { code = 0, image = {} }: { code?: number; image?: object } = {}) =>
    fakeEngine({
      "/info": { Runtimes: { nvidia: {} }, Architecture: "aarch64" },
      "/images/python:3.12-slim/json": image,
      "/containers/create": { Id: "c1" },
      "/containers/c1": {},
      "/containers/c1/start": {},
      "/containers/c1/wait": { StatusCode: code },
      "/containers/c1/logs": Buffer.from(output),
    });

  it.each([
    ["one GPU", "580.65.06\r\n", "NVIDIA driver 580.65.06, 1 GPU"],
    ["two GPUs", "580.65.06\r\n580.65.06\r\n", "NVIDIA driver 580.65.06, 2 GPUs"],
  ])("with %s: auto and required use the GPU images, off does not", async (_, output, description) => {
    await engineWithGpu(output);
    for (const gpu of ["auto", "required"]) {
      expect(await check({ gpu })).toMatchObject({ problems: [], gpu: { usable: true, description } });
    }
    const off = await check({ gpu: "off" });
    expect(off).toMatchObject({ problems: [], gpu: { usable: false, description: "spatialforge:gpu is off" } });
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ["no runtime", () => fakeEngine(), /^the Docker engine has no runtime called nvidia$/],
    ["no GPU", () => engineWithGpu(""), /^nvidia-smi reports no GPU$/],
    [
      "a driver that does not respond",
      () => engineWithGpu("Failed to initialize NVML: Driver/library version mismatch\r\n", { code: 18 }),
      /^nvidia-smi failed: Failed to initialize NVML: Driver\/library version mismatch$/,
    ],
    [
      "a driver that is too old for the CUDA of the lock",
      () => engineWithGpu("550.54.14\r\n"),
      /^the NVIDIA driver 550\.54\.14 is too old for CUDA 13, which requires version 580 or later$/,
    ],
  ])("with %s: auto falls back to the CPU image, required fails with the reason", async (_, engine, reason) => {
    await engine();
    const app = { app: { path: realApplication() } };
    const auto = await check(app);
    expect(auto.gpu).toEqual({ usable: false, description: expect.stringMatching(reason) });
    expect(auto.problems.map(({ key }) => key)).not.toContain("gpu");
    const { problems } = await check({ ...app, gpu: "required" });
    const [problem] = problems.filter(({ key }) => key === "gpu");
    expect(problem.remedy).toMatch(new RegExp(reason.source.replace(/\$$/, ": .* or set gpu to auto or off$")));
  });

  it("an application without CUDA in its lock has no minimum driver", async () => {
    await engineWithGpu("470.57.02\r\n");
    expect(await check({})).toMatchObject({ gpu: { usable: true } });
  });

  /** An application with the name, and so with the lock, of the real one. */
  function realApplication(): string {
    const folder = mkdtempSync(join(tmpdir(), "spatialforge-app-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "spatialforge"));
    writeFileSync(join(folder, "pyproject.toml"), '[project]\nname = "spatialforge"\nrequires-python = ">=3.11"\n');
    return folder;
  }
});

describe("ports", () => {
  it("must be free", async () => {
    await fakeEngine();
    const port = await listen();
    const { problems } = await check({ port });
    expect(problems).toEqual([
      expect.objectContaining({
        key: "port",
        value: String(port),
        remedy: expect.stringMatching(/another process listens on this port/),
      }),
    ]);
  });

  it("can belong to a container of the stack", async () => {
    const port = await listen();
    const containers = ({ searchParams }: URL) =>
      /spatialforge\.stack=local/.test(searchParams.get("filters") ?? "") && !searchParams.get("all")
        ? [{ Ports: [{ PublicPort: port }] }]
        : [];
    await fakeEngine({ "/containers/json": containers });
    expect(await keysOf({ port })).toEqual([]);
  });
});

describe("registry", () => {
  /** Containers of an engine that runs the registry of the stack. */
  const registryContainer = ({ searchParams }: URL) =>
    /service=registry/.test(searchParams.get("filters") ?? "") ? [{ Names: ["/registry-1"], Ports: [] }] : [];

  /** Starts a registry that has the given releases. Returns its port. */
  const startRegistry = (...releases: string[]) =>
    startRegistryWith(...releases.flatMap((release) => IMAGES.map(({ name }) => `release-${release}-${name}`)));

  function startRegistryWith(...tags: string[]): Promise<number> {
    const server = createHttpServer(({ url = "" }, response) => {
      const exists = url === "/v2/" || tags.some((tag) => url === `/v2/spatialforge/manifests/${tag}`);
      response.writeHead(exists ? 200 : 404, { "docker-content-digest": "sha256:0" }).end();
    });
    return listen(server);
  }

  /** Settings of a stack whose registry listens on a port. Its container owns the port. */
  async function withRegistry(registryPort: number): Promise<{ registryPort: number }> {
    const container = { Names: ["/registry-1"], Ports: [{ PublicPort: registryPort }] };
    await fakeEngine({ "/containers/json": [container] });
    return { registryPort };
  }

  it("must answer if its container exists", async () => {
    await fakeEngine({ "/containers/json": registryContainer });
    const { problems } = await check({ release: "abc-123" });
    expect(problems).toEqual([
      expect.objectContaining({
        key: "registryPort",
        remedy: expect.stringMatching(
          /registry of 127\.0\.0\.1:18472\/spatialforge does not answer: `docker restart registry-1`/,
        ),
      }),
    ]);
  });

  it("must have the release", async () => {
    const settings = await withRegistry(await startRegistry("abc-123"));
    expect(await keysOf({ ...settings, release: "abc-123" })).toEqual([]);
    expect((await check({ ...settings, release: "abc-999" })).problems).toEqual([
      expect.objectContaining({
        key: "release",
        value: "abc-999",
        remedy: expect.stringMatching(/has no such release: use an ID that an earlier update printed/),
      }),
    ]);
  });

  it.each([
    ["a GPU image", "api", { problems: 1 }],
    ["the CPU image", "cpu", { problems: 0 }],
  ])("a release with %s only, on a machine without a GPU", async (_, name, expected) => {
    const settings = await withRegistry(await startRegistryWith(`release-abc-123-${name}`));
    const { problems } = await check({ ...settings, release: "abc-123" });
    expect(problems).toHaveLength(expected.problems);
    if (problems.length) expect(problems[0].remedy).toMatch(/the release has no image cpu/);
  });

  it("lists problems of the ports, then of the registry", async () => {
    await fakeEngine({ "/containers/json": registryContainer });
    const [port, registryPort] = [await listen(), await listen()];
    expect(await keysOf({ port, registryPort, release: "abc-123" })).toEqual(["port", "registryPort", "registryPort"]);
  });

  it.each([
    ["a GPU image", "api", { problems: 1 }],
    ["the CPU image", "cpu", { problems: 0 }],
  ])("a release with %s only, on a machine without a GPU", async (_, name, expected) => {
    const settings = await withRegistry(await startRegistryWith(`release-abc-123-${name}`));
    const { problems } = await check({ ...settings, release: "abc-123" });
    expect(problems).toHaveLength(expected.problems);
    if (problems.length) expect(problems[0].remedy).toMatch(/the release has no image cpu/);
  });

  it("lists problems of the ports, then of the release", async () => {
    await fakeEngine();
    expect(await keysOf({ port: await listen(), release: "abc-123" })).toEqual(["port", "release"]);
  });
});

describe("app", () => {
  it("lists a missing app together with a release that no registry has", async () => {
    await fakeEngine();
    const { problems, app } = await check({ release: "abc-123", app: { path: "nowhere" } });
    expect(problems.map(({ key }) => key)).toEqual(["app", "release"]);
    expect(problems[1].remedy).toMatch(/does not answer/);
    expect(app).toBeUndefined();
  });

  it("shows a repository without its credentials", async () => {
    noEngine();
    const app = { repository: "http://me:hunter2@127.0.0.1:9/app.git", ref: "v1" };
    const [problem] = (await check({ app })).problems;
    expect(problem).toMatchObject({
      key: "app",
      value: '{"repository":"http://127.0.0.1:9/app.git","ref":"v1"}',
      remedy: expect.stringMatching(/git cannot read the repository/),
    });
    expect(problem.remedy).not.toContain("hunter2");
  });
});

describe("AWS account", () => {
  it("requires a region, and lists an engine that does not answer with it", async () => {
    noEngine();
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_DEFAULT_REGION", undefined);
    const { problems } = await check({ platform: "aws" });
    expect(problems.map(({ key, value, remedy }) => [key, value, remedy])).toEqual([
      ["platform", "aws", expect.stringMatching(/Docker engine does not answer/)],
      ["platform", "aws", expect.stringMatching(/no region is set: `pulumi config set aws:region/)],
    ]);
  });

  it("rejects credentials that only the provider reads", async () => {
    await fakeEngine();
    vi.stubEnv("AWS_REGION", "us-east-1");
    pulumi.runtime.setConfig("aws:assumeRoles", '[{"roleArn":"arn:aws:iam::123456789012:role/deploy"}]');
    onTestFinished(() => pulumi.runtime.setConfig("aws:assumeRoles", ""));
    const { problems } = await check({ platform: "aws" });
    expect(problems.map(({ remedy }) => remedy)).toEqual([
      expect.stringMatching(
        /aws:assumeRoles is read by the Pulumi provider only.*`pulumi config set aws:profile NAME`/,
      ),
    ]);
  });
});
