import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import Docker from "dockerode";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import { preflight } from "../../stack/preflight/preflight";
import { providerProblems } from "../../stack/preflight/provider";
import { dockerConfig } from "../harness/docker-config";
import { fakeEngine, listen, noEngine } from "../harness/fake-engine";

/** Ports that nothing listens on. */
const FREE = { port: 18471, registryPort: 18472, objectStorePort: 18473 };

const check = (values: object) => preflight(settingsSchema.parse({ ...FREE, ...values }), "local");
const keysOf = async (values: object) => (await check(values)).problems.map(({ key }) => key);

/** An engine with the runtime `nvidia`. In a container, nvidia-smi prints this. */
const engineWithGpu = (output: string, answers: Parameters<typeof fakeEngine>[0] = {}) =>
  fakeEngine({
    "/info": { Runtimes: { nvidia: {} }, Architecture: "aarch64" },
    "/images/python:3.12-slim/json": {},
    "/containers/create": { Id: "c1" },
    "/containers/c1": {},
    "/containers/c1/start": {},
    "/containers/c1/wait": { StatusCode: 0 },
    "/containers/c1/logs": Buffer.from(output),
    ...answers,
  });

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

  it.each(["EACCES", "EPERM"])("must permit access: %s", async (code) => {
    noEngine();
    const denied = Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code });
    vi.spyOn(Docker.prototype, "version").mockRejectedValue(denied);
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await check({})).problems).toEqual([
      expect.objectContaining({
        key: "platform",
        value: "docker",
        remedy: expect.stringMatching(
          /no permission to use the Docker engine at tcp:\S+ \(E\w+\).*`sudo usermod -aG docker \$USER`.*sign in again.*not run npm with sudo.*root/,
        ),
      }),
    ]);
  });

  describe("with a containerd image store", () => {
    const DriverStatus = [["driver-type", "io.containerd.snapshotter.v1"]];
    const problemsOf = async (Version: string, values: object, info: object = { DriverStatus }) => {
      await fakeEngine({ "/version": { Version }, "/info": { Architecture: "aarch64", ...info } });
      return (await check(values)).problems.map(({ key, remedy }) => [key, remedy]);
    };

    it.each(["26.1.5+dfsg1", "27.4.1"])("must not be %s", async (version) => {
      expect(await problemsOf(version, {})).toEqual([
        [
          "platform",
          expect.stringMatching(
            /version 27\.5 or newer.*"features": \{"containerd-snapshotter": false\}.*daemon\.json/,
          ),
        ],
      ]);
    });

    it.each(["27.5.0", "27.5.0-rc.2", "28.0.1", "29.1.0", "dev"])("can be %s", async (version) => {
      expect(await problemsOf(version, {})).toEqual([]);
    });

    it("can be older without the store, or if a release is deployed without a build", async () => {
      expect(await problemsOf("26.1.5", {}, { DriverStatus: [["Backing Filesystem", "extfs"]] })).toEqual([]);
      const keys = (await problemsOf("26.1.5", { release: "abc-123" })).map(([key]) => key);
      expect(keys).toEqual(["release"]);
    });
  });

  it("tells the platform of the images", async () => {
    await fakeEngine();
    expect(await check({})).toMatchObject({ problems: [], engine: { platform: "linux/arm64" } });
  });
});

describe("gpu", () => {
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

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["no runtime", () => fakeEngine(), /^the Docker engine has no runtime called nvidia$/],
    ["no GPU", () => engineWithGpu(""), /^nvidia-smi reports no GPU$/],
    [
      "a driver that does not respond",
      () =>
        engineWithGpu("Failed to initialize NVML: Driver/library version mismatch\r\n", {
          "/containers/c1/wait": { StatusCode: 18 },
        }),
      /^nvidia-smi failed: Failed to initialize NVML: Driver\/library version mismatch$/,
    ],
    [
      "a driver that is too old for the CUDA of the lock",
      () => engineWithGpu("550.54.14\r\n"),
      /^the NVIDIA driver 550\.54\.14 is too old for CUDA 13\.2, which requires version 580\.65\.06 or later$/,
    ],
    [
      "an early driver of the right branch",
      () => engineWithGpu("580.9\r\n"),
      /^the NVIDIA driver 580\.9 is too old for CUDA 13\.2, which requires version 580\.65\.06 or later$/,
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

  it("the Python of each base that is used must be in the range of the application, unless a release is deployed", async () => {
    const app = { path: realApplication(">=3.10,<3.12") };
    const pythonKeys = async (values: object) =>
      (await keysOf({ app, ...values })).filter((key) => key.startsWith("bases."));
    await fakeEngine();
    expect(await pythonKeys({})).toEqual(["bases.cpu"]);
    expect(await pythonKeys({ allImages: true })).toEqual(["bases.gpu", "bases.cpu"]);
    expect(await pythonKeys({ bases: { cpu: "python:3.11-slim" } })).toEqual([]);
    expect(await pythonKeys({ release: "abc-123" })).toEqual([]);
  });

  /** An application with the name, and so with the lock, of the real one. */
  function realApplication(requiresPython = ">=3.11"): string {
    const folder = mkdtempSync(join(tmpdir(), "spatialforge-app-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "spatialforge"));
    writeFileSync(
      join(folder, "pyproject.toml"),
      `[project]\nname = "spatialforge"\nrequires-python = "${requiresPython}"\n`,
    );
    return folder;
  }
});

describe("Docker configuration", () => {
  /** Problems with an engine that answers, and with a configuration. */
  const problemsWith = async (config: object | string, values: object = {}) => {
    const host = await fakeEngine();
    const folder = dockerConfig(config);
    vi.stubEnv("DOCKER_HOST", host);
    vi.stubEnv("PATH", folder);
    writeFileSync(join(folder, "docker-credential-installed"), "", { mode: 0o755 });
    const remedies = (await check(values)).problems.map(({ key, remedy }) => `${key}: ${remedy}`);
    return remedies.map((remedy) => remedy.replaceAll(folder, "FOLDER"));
  };

  it("must not name a credential store that is not installed", async () => {
    expect(await problemsWith({ credsStore: "desktop.exe" })).toEqual([
      "platform: credsStore in FOLDER/config.json needs the program docker-credential-desktop.exe, which is not on PATH: " +
        "install it, or remove credsStore from this file",
    ]);
  });

  it.each([
    ["https://index.docker.io/v1/", {}],
    ["nvcr.io", { bases: { gpu: "nvcr.io/nvidia/cuda:13.0.2-base-ubuntu24.04" } }],
    ["localhost:5000", { bases: { cpu: "localhost:5000/python@sha256:0" } }],
    ["https://index.docker.io/v1/", { bases: { gpu: "docker.io/nvidia/cuda:1" } }],
  ])("must not name a credential helper for %s that is not installed", async (registry, values) => {
    expect(await problemsWith({ credHelpers: { [registry]: "gcloud" } }, values)).toEqual([
      `platform: credHelpers["${registry}"] in FOLDER/config.json needs the program docker-credential-gcloud, ` +
        `which is not on PATH: install it, or remove credHelpers["${registry}"] from this file`,
    ]);
  });

  it.each([
    {},
    { credsStore: "" },
    { credsStore: "installed", credHelpers: { "ghcr.io": "installed" } },
    { credHelpers: { "ghcr.io": "", "registry.example.com": "gcloud" } },
  ])("can be %j", async (config) => {
    expect(await problemsWith(config)).toEqual([]);
  });

  it("can name any helper if a release is deployed without a build", async () => {
    const problems = await problemsWith({ credsStore: "desktop" }, { release: "abc-123" });
    expect(problems).toEqual([expect.stringMatching(/^release: /)]);
  });

  it.each(['{"credsStore":', "[]", "null", '{"credsStore": 1}', '{"credHelpers": {"ghcr.io": {}}}'])(
    "must be valid: %s",
    async (config) => {
      expect(await problemsWith(config)).toEqual([
        expect.stringMatching(/^platform: .*FOLDER\/config\.json.*: correct it, or remove it$/),
      ]);
    },
  );

  it("must be readable", async () => {
    const host = await fakeEngine();
    const folder = dockerConfig({});
    vi.stubEnv("DOCKER_HOST", host);
    vi.stubEnv("DOCKER_CONFIG", join(folder, "config.json")); // a file in place of the folder: not even root can read it
    expect((await check({})).problems).toEqual([
      expect.objectContaining({ key: "platform", remedy: expect.stringMatching(/config\.json.*ENOTDIR/) }),
    ]);
  });
});

describe("Docker context", () => {
  const info = (ID: string) => ({ ID, Architecture: "aarch64" });

  it.each([
    ["DOCKER_CONTEXT", {}, "nope", /DOCKER_CONTEXT names the Docker context nope, .*: set it to .*, or unset it/],
    [
      "config.json",
      { currentContext: "nope" },
      undefined,
      /config\.json names the Docker context nope.*docker context use/,
    ],
    ["a context without an engine", { currentContext: "other" }, undefined, /names the Docker context other/],
  ])("must exist: %s", async (_, config, variable, expected) => {
    dockerConfig(config, { other: {} });
    vi.stubEnv("DOCKER_CONTEXT", variable);
    const { problems, engine } = await check({});
    expect(problems).toEqual([{ key: "platform", value: "docker", remedy: expect.stringMatching(expected) }]);
    expect(engine).toBeUndefined();
  });

  it("is named if its engine does not answer", async () => {
    dockerConfig({ currentContext: "off" }, { off: { host: "tcp://127.0.0.1:9" } });
    expect((await check({})).problems).toEqual([
      expect.objectContaining({
        remedy: expect.stringMatching(/does not answer at tcp:\/\/127\.0\.0\.1:9 of the Docker context off/),
      }),
    ]);
  });

  it("is an engine that the Pulumi provider does not use", async () => {
    const host = await fakeEngine({ "/info": info("engine-1") });
    dockerConfig({ currentContext: "fake" }, { fake: { host } });
    const { problems, engine } = await check({});
    expect(problems).toEqual([
      {
        key: "platform",
        value: "docker",
        remedy:
          "the Pulumi provider does not read Docker contexts, so it does not build with the engine of the context fake: " +
          "run `export DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')`",
      },
    ]);
    expect(engine).toBeDefined();
  });

  it("can be the engine that the Pulumi provider uses", async () => {
    const [host, provider, other] = [
      await fakeEngine({ "/info": info("engine-1") }),
      await fakeEngine({ "/info": info("engine-1") }),
      await fakeEngine({ "/info": info("engine-2") }),
    ];
    dockerConfig({ currentContext: "fake" }, { fake: { host } });
    onTestFinished(() => pulumi.runtime.setConfig("docker:host", ""));
    pulumi.runtime.setConfig("docker:host", provider);
    expect(await keysOf({})).toEqual([]);
    pulumi.runtime.setConfig("docker:host", other);
    expect(await keysOf({})).toEqual(["platform"]);
  });

  it("is not compared on AWS if a release is deployed without a build", async () => {
    const host = await fakeEngine({ "/info": info("engine-1") });
    dockerConfig({ currentContext: "fake" }, { fake: { host } });
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_DEFAULT_REGION", undefined);
    const remedies = (await check({ platform: "aws", release: "abc-123" })).problems.map(({ remedy }) => remedy);
    expect(remedies).toEqual([expect.stringMatching(/no region is set/)]);
    expect(await keysOf({ release: "abc-123" })).toEqual(["platform", "release"]);
  });

  it("with certificates: the remedy names them", async () => {
    const problems = await providerProblems({ context: "remote", certificates: "/certificates" }, "engine-1");
    expect(problems).toEqual([
      expect.stringMatching(/`export DOCKER_HOST=.* DOCKER_CERT_PATH=\/certificates DOCKER_TLS_VERIFY=1`$/),
    ]);
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

  it("must have the images of the release that this machine runs", async () => {
    const { registryPort } = await withRegistry(await startRegistryWith("release-abc-123-cpu"));
    expect(await keysOf({ registryPort, release: "abc-123" })).toEqual([]);
    const containers = [{ Names: ["/registry-1"], Ports: [{ PublicPort: registryPort }] }];
    await engineWithGpu("580.65.06\r\n", { "/containers/json": containers });
    expect((await check({ registryPort, release: "abc-123" })).problems).toEqual([
      expect.objectContaining({
        key: "release",
        value: "abc-123",
        remedy: expect.stringMatching(
          /no image api and no image worker, which a service on this machine runs: set gpu to off, or use .* with a GPU or with allImages/,
        ),
      }),
    ]);
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

  it("lists a dynamic version together with a lock that does not match", async () => {
    noEngine();
    const folder = mkdtempSync(join(tmpdir(), "spatialforge-app-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "spatialforge"));
    const pyproject = '[project]\nname = "unknown-app"\ndynamic = ["version"]\ndependencies = ["redis"]\n';
    writeFileSync(join(folder, "pyproject.toml"), pyproject);
    const keys = (await check({ app: { path: folder } })).problems.map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(["app", "app.version"]));
    const withVersion = (await check({ app: { path: folder, version: "1.4.0" } })).problems.map(({ key }) => key);
    expect(withVersion).not.toContain("app.version");
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
    await fakeEngine({ "/info": { Architecture: "x86_64" } });
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
