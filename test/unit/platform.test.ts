import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import type { DockerPlatform } from "../../stack/docker/platform";
import { settingsSchema } from "../../stack/settings/schema";
import { openApp } from "../../stack/source/app";
import { byName, mockEngine, type Registered } from "../harness/mocks";

let registered: Registered[];
const of = (type: string) => byName(registered, type);
let platform: DockerPlatform;

beforeAll(async () => {
  registered = await mockEngine("local");
  const { DockerPlatform: Platform } = await import("../../stack/docker/platform.js");
  const app = await openApp({ path: "sample-app" });
  const inputs = {
    settings: settingsSchema.parse({ env: { STRIPE_SECRET_KEY: "sk" } }),
    secretEnv: true,
    stack: "local",
    machine: { platform: "linux/arm64", gpu: false },
    app,
  };
  platform = new Platform("spatialforge", inputs);
  await new Promise((done) => platform.release.apply(done));
});

it("builds three images under one constant name each, which is their only cache", () => {
  const images = of("docker:index/image:Image");
  expect(Object.keys(images).sort()).toEqual(["api", "cpu", "worker"]);
  for (const [name, { imageName, build }] of Object.entries(images)) {
    expect(imageName).toBe(`127.0.0.1:5001/spatialforge:cache-${name}`);
    expect(build).toMatchObject({
      context: `.build/${name}`,
      target: name,
      platform: "linux/arm64",
      cacheFrom: { images: [imageName] },
    });
    expect(build.args.BUILDKIT_INLINE_CACHE).toBe("1");
  }
});

it("builds images that share steps one after the other", () => {
  const images = registered.filter(({ type }) => type === "docker:index/image:Image");
  const after = Object.fromEntries(
    images.map(({ name, dependsOn }) => [name, dependsOn.filter((on) => on in of(images[0].type))]),
  );
  expect(after).toEqual({ api: [], worker: ["api"], cpu: [] });
});

it("gives every container a read-only root, no capabilities, limits and a restart policy", () => {
  const containers = of("docker:index/container:Container");
  expect(Object.keys(containers).sort()).toEqual(["api", "beat", "objects", "proxy", "redis", "registry", "worker"]);
  for (const container of Object.values(containers)) {
    expect(container).toMatchObject({
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      restart: "unless-stopped",
      memorySwap: container.memory,
    });
    expect(container.privileged).toBeUndefined();
  }
});

it("publishes nothing but the API's entry and the registry, and those on the loopback address", () => {
  const published = Object.entries(of("docker:index/container:Container")).filter(([, { ports }]) => ports.length);
  expect(published.map(([name]) => name).sort()).toEqual(["proxy", "registry"]);
  for (const [, { ports }] of published) expect(ports[0].ip).toBe("127.0.0.1");
});

it("runs the application by digest, and the CPU image where there is no GPU", () => {
  const containers = of("docker:index/container:Container");
  for (const role of ["api", "worker", "beat"]) {
    expect(containers[role].image).toBe("127.0.0.1:5001/spatialforge@sha256:cpu");
    expect(containers[role].command).toEqual([role]);
    expect(containers[role].runtime).toBeUndefined();
  }
});

it("gives the application its variables as a secret of the state", () => {
  const containers = of("docker:index/container:Container");
  for (const role of ["api", "worker", "beat"]) {
    const { envs } = containers[role];
    expect(envs[pulumi.runtime.specialSigKey]).toBe(pulumi.runtime.specialSecretSig);
    expect(envs.value).toContain("STRIPE_SECRET_KEY=sk");
  }
});

it("keeps passwords off command lines", () => {
  for (const { command = [] } of Object.values(of("docker:index/container:Container"))) {
    expect(command.join(" ")).not.toContain("generated-");
  }
});

it("lets Redis append to a file and evict nothing", () => {
  const { command } = of("docker:index/container:Container").redis;
  expect(command.join()).toMatch(/appendonly yes/);
  expect(command.join()).toMatch(/maxmemory-policy noeviction/);
});
