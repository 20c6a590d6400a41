import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { openApp } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES, type ImageDigests } from "../../stack/images/catalog";
import type { PlatformArgs } from "../../stack/platform";
import { ROLES as ROLES_TABLE, type Role } from "../../stack/roles";
import { byName, mockEngine, observe, type Registered } from "../harness/mocks";

const ROLES: readonly Role[] = ROLES_TABLE;
const IMAGE = "docker:index/image:Image";
const CONTAINER = "docker:index/container:Container";
const REPOSITORY = "https://git.example.com/app.git";

/** Creates the platform with some settings. Returns its resources, its images, and the options of the containers by name. */
async function createPlatform(usable: boolean, settings: z.input<typeof settingsSchema> = {}) {
  const registered = await mockEngine("local");
  const { DockerPlatform } = await import("../../stack/docker/platform.js");
  const options: Record<string, pulumi.CustomResourceOptions> = {};
  const args: PlatformArgs = {
    stack: "local",
    settings: settingsSchema.parse(settings),
    environment: { plain: { LOG_LEVEL: "debug" }, secret: { STRIPE_SECRET_KEY: pulumi.secret("sk") } },
    netrc: pulumi.secret(""),
    engine: { platform: "linux/arm64" },
    gpu: { usable, description: "NVIDIA driver 580.65.06, 1 GPU" },
    app: { ...(await openApp({ path: "sample-app" })), repository: REPOSITORY },
    availabilityZones: [],
  };
  const { outputs } = new DockerPlatform(
    "spatialforge",
    args,
    observe(({ type, name, opts }) => type === CONTAINER && (options[name] = opts)),
  );
  await new Promise((done) => outputs.release.apply(done));
  const images = await new Promise<ImageDigests>((done) => outputs.images.apply(done));
  return { registered, options, images };
}

let registered: Registered[];
let options: Record<string, pulumi.CustomResourceOptions>;
const containers = () => byName(registered, CONTAINER);

beforeAll(async () => {
  ({ registered, options } = await createPlatform(false, { allImages: true }));
});

describe("images", () => {
  it.each([
    { title: "without a GPU, only the CPU image is built", gpu: false, settings: {}, built: ["cpu"] },
    { title: "with a GPU, all are built", gpu: true, settings: {}, built: ["api", "cpu", "worker"] },
    {
      title: "with allImages, all are built",
      gpu: false,
      settings: { allImages: true },
      built: ["api", "cpu", "worker"],
    },
  ])("$title", async ({ gpu, settings, built }) => {
    const { registered, images } = await createPlatform(gpu, settings);
    expect(Object.keys(byName(registered, IMAGE)).sort()).toEqual(built);
    expect(Object.keys(images).sort()).toEqual(built);
  });

  it("each has one constant name, which is its only cache", () => {
    const images = byName(registered, IMAGE);
    expect(Object.keys(images).sort()).toEqual(IMAGES.map(({ name }) => name).sort());
    for (const [name, { imageName, build }] of Object.entries(images)) {
      expect(imageName).toBe(`127.0.0.1:5001/spatialforge:cache-${name}`);
      expect(build).toMatchObject({
        context: `.build/${name}`,
        target: name,
        platform: "linux/arm64",
        cacheFrom: { images: [imageName] },
      });
      expect(build.args).toMatchObject({ BUILDKIT_INLINE_CACHE: "1", SOURCE: REPOSITORY });
    }
  });

  it("are built with the OS packages and the programs of the settings", async () => {
    const rootArgs = async (settings: z.input<typeof settingsSchema>) => {
      const { cpu } = byName((await createPlatform(false, settings)).registered, IMAGE);
      const { OS, ROOT, SYSTEM_PACKAGES, KEEP_PROGRAMS } = cpu.build.args;
      return [OS, ROOT, SYSTEM_PACKAGES, KEEP_PROGRAMS];
    };
    const app = { path: "sample-app", systemPackages: ["libgl1", "ffmpeg"] };
    expect(await rootArgs({})).toEqual(["os", "os", "", ""]);
    expect(await rootArgs({ app })).toEqual(["system", "system", "libgl1 ffmpeg", ""]);
    expect(await rootArgs({ keepPrograms: ["bash"], shell: false })).toEqual(["system", "shell-less", "", "bash"]);
  });

  it("those with the same base are built one after the other", () => {
    const images = registered.filter(({ type }) => type === IMAGE);
    const names = images.map(({ name }) => name);
    const previous = images.map(({ name, dependsOn }) => [name, dependsOn.filter((other) => names.includes(other))]);
    expect(Object.fromEntries(previous)).toEqual({ api: [], worker: ["api"], cpu: [] });
  });
});

describe("containers", () => {
  it("are those of the roles and of the services that the roles need", () => {
    const services = ["objects", "proxy", "redis", "registry"];
    expect(Object.keys(containers()).sort()).toEqual([...ROLES.map(({ name }) => name), ...services].sort());
  });

  it("have a read-only root file system, no capabilities, a memory limit, and a restart policy", () => {
    for (const container of Object.values(containers())) {
      expect(container).toMatchObject({
        readOnly: true,
        capabilities: { drops: ["ALL"] },
        securityOpts: ["no-new-privileges:true"],
        restart: "unless-stopped",
        memory: expect.any(Number),
        memorySwap: container.memory,
      });
      expect(container.privileged).toBeUndefined();
    }
  });

  it("only the proxy, the registry, and the object store publish a port, on the loopback address", () => {
    const published = Object.entries(containers()).filter(([, { ports }]) => ports.length);
    expect(published.map(([name]) => name).sort()).toEqual(["objects", "proxy", "registry"]);
    for (const [, { ports }] of published) expect(ports[0].ip).toBe("127.0.0.1");
  });

  it("have no password in a command", () => {
    for (const { command = [] } of Object.values(containers())) expect(command.join(" ")).not.toContain("generated-");
  });

  it("Redis appends to a file and evicts no key", () => {
    const { command } = containers().redis;
    expect(command.join()).toMatch(/appendonly yes/);
    expect(command.join()).toMatch(/maxmemory-policy noeviction/);
  });
});

describe.each(ROLES)("role $name", (role) => {
  const container = () => containers()[role.name];
  const variables = (): string[] => container().envs.value;

  it("runs its process with the limits in the roles table", () => {
    expect(container()).toMatchObject({
      command: [role.process],
      memory: role.docker.memory,
      stopTimeout: role.docker.stopTimeout,
      destroyGraceSeconds: role.docker.stopTimeout,
    });
  });

  it("runs the CPU image by digest if the engine has no GPU", () => {
    expect(container().image).toBe("127.0.0.1:5001/spatialforge@sha256:cpu");
    expect(container().runtime).toBeUndefined();
  });

  it("gets the variables of the settings as a secret", () => {
    expect(container().envs[pulumi.runtime.specialSigKey]).toBe(pulumi.runtime.specialSecretSig);
    expect(variables()).toEqual(expect.arrayContaining(["STRIPE_SECRET_KEY=sk", "LOG_LEVEL=debug"]));
  });

  it("gets its queues", () => {
    const queues = variables().filter((variable) => variable.startsWith("WORKER_QUEUES="));
    expect(queues).toEqual(role.queues.length ? [`WORKER_QUEUES=${role.queues.join(",")}`] : []);
  });

  it("mounts the model volume if it needs it", () => {
    const volumes = [{ containerPath: "/models", volumeName: "models" }];
    expect(container().volumes).toEqual(role.modelVolume ? volumes : []);
  });

  it("receives the requests of the proxy if it is load-balanced", () => {
    const [config] = containers().proxy.envs as string[];
    expect(config.includes(`set $api ${role.name};`)).toBe(role.loadBalanced);
  });

  it("stops before the next version starts if it is a singleton", () => {
    expect(options[role.name].deleteBeforeReplace ?? false).toBe(role.singleton);
  });
});

it("the object store has one address for containers and for this machine, which the setting objectStorePort changes", async () => {
  const { registered } = await createPlatform(false, { objectStorePort: 9100 });
  const { objects, api } = byName(registered, CONTAINER);
  expect(objects.networksAdvanced[0].aliases).toContain("objects.localhost");
  expect(objects.ports).toEqual([{ external: 9100, internal: 9100, ip: "127.0.0.1" }]);
  expect(objects.command[0]).toContain("--port :9100 ");
  expect(api.envs.value).toContain("MINIO_ENDPOINT=objects.localhost:9100");
});

it("roles keep /tmp on disk, where uploads of any size fit; services keep it in memory", () => {
  for (const [name, { tmpfs }] of Object.entries(containers())) {
    expect(tmpfs === undefined, name).toBe(ROLES.some((role) => role.name === name));
  }
});

it("the images of the services can be set", async () => {
  const serviceImages = { redis: "m/redis:1", objectStore: "m/s3:1", registry: "m/registry:1", proxy: "m/nginx:1" };
  const { redis, objects, registry, proxy } = byName(
    (await createPlatform(false, { serviceImages })).registered,
    CONTAINER,
  );
  const images = { redis: redis.image, objectStore: objects.image, registry: registry.image, proxy: proxy.image };
  expect(images).toEqual(serviceImages);
});

it("roles that load models get the shared memory of the settings", async () => {
  const all = byName((await createPlatform(false, { sharedMemorySize: 256 })).registered, CONTAINER);
  for (const [name, { shmSize }] of Object.entries(all)) {
    expect(shmSize, name).toBe(ROLES.find((role) => role.name === name)?.modelVolume ? 256 : undefined);
  }
});

it("containers, volumes, and the network have the labels by which they are found", () => {
  const labelled = registered.filter(({ type }) => /^docker:index\/(container|volume|network):/.test(type));
  expect(labelled).toHaveLength(ROLES.length + 4 + 4 + 1);
  for (const { name, inputs } of labelled) {
    const labels = (inputs.labels as { label: string; value: string }[]).map(({ label }) => label);
    expect(labels.sort(), name).toEqual([
      "spatialforge.folder",
      "spatialforge.id",
      "spatialforge.service",
      "spatialforge.stack",
    ]);
  }
});

it("roles with a GPU image run it on an engine with the nvidia runtime", async () => {
  const gpu = byName((await createPlatform(true)).registered, CONTAINER);
  for (const { name, gpuImage } of ROLES) {
    expect(gpu[name].image).toBe(`127.0.0.1:5001/spatialforge@sha256:${gpuImage ?? "cpu"}`);
    expect(gpu[name].runtime).toBe(gpuImage && "nvidia");
  }
});
