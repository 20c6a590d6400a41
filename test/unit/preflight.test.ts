import { createServer as createHttpServer } from "node:http";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import { preflight } from "../../stack/preflight/preflight";
import { fakeEngine, listen, noEngine } from "../harness/fake-engine";

/** Ports that nothing listens on. */
const FREE = { port: 18471, registryPort: 18472 };

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

  it("must have the nvidia runtime if gpu is required", async () => {
    await fakeEngine();
    expect((await check({ gpu: "required" })).problems).toEqual([
      expect.objectContaining({ key: "gpu", remedy: expect.stringMatching(/NVIDIA Container Toolkit/) }),
    ]);
  });

  it.each([
    ["auto", true],
    ["required", true],
    ["off", false],
  ])("with the nvidia runtime and gpu %s: GPU images %s", async (gpu, expected) => {
    await fakeEngine({ "/info": { Runtimes: { nvidia: {} }, Architecture: "aarch64" } });
    expect(await check({ gpu })).toMatchObject({ problems: [], engine: { platform: "linux/arm64", gpu: expected } });
  });
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
  function startRegistry(...releases: string[]): Promise<number> {
    const tags = releases.flatMap((release) => IMAGES.map(({ name }) => `release-${release}-${name}`));
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

  it("lists problems of the ports, then of the registry", async () => {
    await fakeEngine({ "/containers/json": registryContainer });
    const [port, registryPort] = [await listen(), await listen()];
    expect(await keysOf({ port, registryPort, release: "abc-123" })).toEqual(["port", "registryPort", "registryPort"]);
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
