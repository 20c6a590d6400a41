import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, until } from "../harness/engine";
import { LocalService, SERVICES } from "../harness/local-service";
import { commandsOf } from "../harness/readme";

const service = new LocalService({ fresh: true });
let said: string;

beforeAll(async () => {
  said = await service.up();
});
afterAll(() => service.down());

it("the first update ends with a healthy service, its address and its release", () => {
  expect(said).toMatch(/SpatialForge runs at http:\/\/127\.0\.0\.1:8000, release [0-9a-f]{12}-[0-9a-f]{8}/);
  for (const name of SERVICES) expect(said).toMatch(new RegExp(`│ ${name} .* │ healthy │`));
});

it("a request returns a result", async () => {
  const response = await service.request("/v1/depth", {});
  expect(await response.json()).toMatchObject({ metadata: { width: 64, height: 48, min_depth_m: expect.any(Number) } });
});

it("a job goes through the worker to the object store", async () => {
  const job = await service.job();
  await until("the job is complete", 20, async () => (await service.jobStatus(job)) === "complete");
  expect(await (await service.request(`/v1/reconstruct/${job}/result`)).text()).toMatch(
    /^ply\nformat ascii 1.0\nelement vertex 192\n/,
  );
});

it("the commands under 'Next' can be pasted", async () => {
  const lines = said
    .split("Next\n")[1]
    .split("\n")
    .map((line) => line.trim());
  const pasted = lines.filter((line) => /^(export|curl|JOB=|sleep|docker)/.test(line));
  expect(pasted).toHaveLength(5);
  const { code, text } = await service.clone.run(`set -e\n${pasted.join("\n")}`);
  expect(code, text).toBe(0);
  expect(text).toMatch(/"depth_map_url"/);
  expect(text).toMatch(/"status":"complete"/);
  expect(text).toMatch(/Task spatialforge\.workers\.tasks\.reconstruct_task\[.*succeeded/);
});

describe("the README", () => {
  it.each(commandsOf("build"))("builds the image: %s", async (_, command) => {
    const { code, text } = await service.clone.run(command);
    expect(code, text).toBe(0);
  });

  it.each(
    [[/^spatialforge +(latest|worker|cpu) /m], [/COPY .*app/], [/^#\d+ CACHED$/m]].map(
      ([says], i) => [...commandsOf("check")[i], says] as const,
    ),
  )("checks the image: %s", async (_, command, says) => {
    const { code, text } = await service.clone.run(command);
    expect(code, text).toBe(0);
    expect(text).toMatch(says);
  });
});

it("a second update changes nothing, and neither does an unrelated file", async () => {
  appendFileSync(service.path("sample-app/README.md"), "\nMore.\n");
  writeFileSync(service.path("sample-app/tests/test_more.py"), "def test_more(): pass\n");
  const text = await service.up();
  expect(text).toMatch(/\d+ unchanged/);
  expect(text).not.toMatch(/[~+-] \d+ (created|updated|deleted|replaced)/);
});

it("no secret stands in plain text in the state, and the stack's file is as it was", async () => {
  const redis = docker("inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", service.container("redis"));
  const password = /REDISCLI_AUTH=(\w+)/.exec(redis)![1];
  const { text } = await service.clone.run("cat .state/.pulumi/stacks/*/local.json");
  expect(text).toContain("spatialforge");
  expect(text).not.toContain(password);
  expect(readFileSync(service.path("Pulumi.local.yaml"), "utf8")).not.toContain("encryptionsalt");
});

it("an API key outlives a restart of Redis", async () => {
  expect((await service.request("/v1/billing/usage")).status).toBe(200);
  docker("restart", service.container("redis"));
  await until("redis is healthy", 30, () => service.health("redis") === "healthy");
  await until("the key is known", 10, async () => (await service.request("/v1/billing/usage")).status === 200);
});
