import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Clone } from "../harness/clone";
import { docker, until } from "../harness/engine";

const URL = "http://127.0.0.1:8000";
const REGISTRY = "http://127.0.0.1:5001/v2/spatialforge";
const clone = new Clone();
let key: string;

/** Containers, volumes and networks of the engine. */
const things = () =>
  [docker("ps", "-aq"), docker("volume", "ls", "-q"), docker("network", "ls", "-q")].join("\n").split("\n").sort();
let before: string[];

const container = (service: string) =>
  docker("ps", "-q", "--no-trunc", "--filter", `label=spatialforge.service=${service}`);

interface Manifest {
  layers: { digest: string; size: number }[];
}
/** What the registry holds for an image. */
async function layers(name: string): Promise<Manifest["layers"]> {
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
  return ((await (await fetch(`${REGISTRY}/manifests/cache-${name}`, { headers: { accept } })).json()) as Manifest)
    .layers;
}
const allLayers = async () =>
  Object.fromEntries(
    await Promise.all(["api", "worker", "cpu"].map(async (name) => [name, await layers(name)] as const)),
  );

/** Layers of each image that were not in the registry before. */
function added(old: Record<string, Manifest["layers"]>, now: Record<string, Manifest["layers"]>) {
  const known = new Set(
    Object.values(old)
      .flat()
      .map(({ digest }) => digest),
  );
  return Object.fromEntries(
    Object.entries(now).map(([name, list]) => [name, list.filter(({ digest }) => !known.has(digest))]),
  );
}

async function request(path: string, form?: Record<string, string>): Promise<Response> {
  const body = form && new FormData();
  if (body) {
    body.set("image", new Blob([readFileSync(join(clone.folder, "docs", "example.png"))]), "example.png");
    for (const [name, value] of Object.entries(form)) body.set(name, value);
  }
  return fetch(URL + path, { method: body ? "POST" : "GET", headers: { "X-API-Key": key }, body });
}

beforeAll(async () => {
  before = things();
  const { code, text } = await clone.run("npm run up");
  expect(code, text).toBe(0);
  expect(text).toMatch(/SpatialForge runs at http:\/\/127\.0\.0\.1:8000, release [0-9a-f]{12}-[0-9a-f]{8}/);
  for (const service of ["api", "worker", "beat", "redis", "objects", "registry", "proxy"]) {
    expect(text).toMatch(new RegExp(`│ ${service} .* │ healthy │`));
  }
  key = (await clone.run("npm run --silent key")).text.trim();
  expect(key).toMatch(/^sf_[0-9a-f]{48}$/);
});

afterAll(async () => {
  await clone.run("npm run down");
  clone.remove();
});

it("a request returns a result", async () => {
  const response = await request("/v1/depth", {});
  expect(await response.json()).toMatchObject({ metadata: { width: 64, height: 48, min_depth_m: expect.any(Number) } });
});

it("a job goes through the worker to the object store", async () => {
  const { job_id: job } = (await (await request("/v1/reconstruct", {})).json()) as { job_id: string };
  await until(
    "the job is complete",
    20,
    async () => ((await (await request(`/v1/reconstruct/${job}`)).json()) as { status: string }).status === "complete",
  );
  expect(await (await request(`/v1/reconstruct/${job}/result`)).text()).toMatch(
    /^ply\nformat ascii 1.0\nelement vertex 192\n/,
  );
});

it("a second update changes nothing, and neither does an unrelated file", async () => {
  appendFileSync(join(clone.folder, "sample-app", "README.md"), "\nMore.\n");
  writeFileSync(join(clone.folder, "sample-app", "tests", "test_more.py"), "def test_more(): pass\n");
  const { code, text } = await clone.run("npm run up");
  expect(code, text).toBe(0);
  expect(text).toMatch(/\d+ unchanged/);
  expect(text).not.toMatch(/[~+-] \d+ (created|updated|deleted|replaced)/);
});

it("no secret stands in plain text in the state, and the stack's file is as it was", async () => {
  const redis = docker("inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", container("redis"));
  const password = /REDISCLI_AUTH=(\w+)/.exec(redis)![1];
  const { text } = await clone.run("cat .state/.pulumi/stacks/*/local.json");
  expect(text).toContain("spatialforge");
  expect(text).not.toContain(password);
  expect(readFileSync(join(clone.folder, "Pulumi.local.yaml"), "utf8")).not.toContain("encryptionsalt");
});

describe("a change", () => {
  it("of code pushes one layer, the same one for all images, while requests are answered", async () => {
    const old = await allLayers();
    const file = join(clone.folder, "sample-app", "spatialforge", "main.py");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("SpatialForge sample", "SpatialForge changed"));
    let failed = 0;
    let asked = 0;
    let done = false;
    const asking = (async () => {
      for (; !done; await new Promise((next) => setTimeout(next, 100))) {
        asked++;
        if (
          !(await fetch(`${URL}/health`).then(
            (response) => response.ok,
            () => false,
          ))
        )
          failed++;
      }
    })();
    const { code, text } = await clone.run("npm run up");
    done = true;
    await asking;
    expect(code, text).toBe(0);
    expect(text).toMatch(/Took [\d.]+ s/);
    const fresh = added(old, await allLayers());
    expect(Object.values(fresh).map((list) => list.length)).toEqual([1, 1, 1]);
    expect(
      new Set(
        Object.values(fresh)
          .flat()
          .map(({ digest }) => digest),
      ).size,
    ).toBe(1);
    expect(await (await fetch(URL)).json()).toMatchObject({ name: "SpatialForge changed" });
    expect(asked).toBeGreaterThan(20);
    expect(failed).toBeLessThanOrEqual(1);
  });
});

it("down leaves no container, volume or network", async () => {
  const { code, text } = await clone.run("npm run down");
  expect(code, text).toBe(0);
  expect(things()).toEqual(before);
});
