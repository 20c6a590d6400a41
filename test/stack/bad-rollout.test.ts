import { createServer } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { docker } from "../harness/engine";
import { LocalService } from "../harness/local-service";

const SETTINGS = "Pulumi.local.yaml";
const service = new LocalService();

beforeAll(() => service.up());
afterAll(() => service.down());

it("an app that fails to import fails the update with its last lines; the mended one succeeds", async () => {
  const before = service.container("api");
  const bad = await service.edited(
    "sample-app/spatialforge/main.py",
    (text) => `import no_such_module\n${text}`,
    () => service.clone.run("npm run up"),
  );
  expect(bad.code).not.toBe(0);
  expect(bad.text).toMatch(/error: api did not become healthy: it crashed \d+ times/);
  expect(bad.text).toMatch(/No module named 'no_such_module'/);
  expect(service.container("api")).toContain(before);
  expect((await service.request("/v1/depth", {})).status).toBe(200);
  await service.up();
  expect((await service.request("/v1/depth", {})).status).toBe(200);
});

/** What is wrong, and the one message about it. */
const BAD: [string, string, RegExp[]][] = [
  [
    "settings",
    "  spatialforge:prot: 9000\n  spatialforge:healthTimeout: 1\n",
    [/spatialforge:prot = 9000\s+there is no such setting: did you mean port\?/, /spatialforge:healthTimeout = 1/],
  ],
  ["a release that is not there", "  spatialforge:release: nothing-here\n", [/has no such release/]],
  ["a GPU that is required", "  spatialforge:gpu: required\n", [/no runtime called nvidia/]],
];

it.each(BAD)("bad input touches nothing: %s", async (_, lines, messages) => {
  const running = docker("ps", "-q", "--no-trunc");
  const { code, text } = await service.edited(
    SETTINGS,
    (settings) => settings + lines,
    () => service.clone.run("npm run up"),
  );
  expect(code).not.toBe(0);
  for (const message of messages) expect(text).toMatch(message);
  expect(docker("ps", "-q", "--no-trunc")).toBe(running);
});

it("a lock that does not fit touches nothing and names the command that mends it", async () => {
  const { code, text } = await service.edited(
    "sample-app/pyproject.toml",
    (project) => project.replace('"numpy>=1.26.0"', '"numpy>=99"'),
    () => service.clone.run("npm run up"),
  );
  expect(code).not.toBe(0);
  expect(text).toMatch(/numpy>=99 \(locked: .*\)\s+npm run lock -- --app sample-app --name sample-app/);
});

it("a port that is taken touches nothing", async () => {
  const server = createServer().listen(18_000, "127.0.0.1");
  const { code, text } = await service.edited(
    SETTINGS,
    (settings) => `${settings}  spatialforge:port: 18000\n`,
    () => service.clone.run("npm run up"),
  );
  server.close();
  expect(code).not.toBe(0);
  expect(text).toMatch(/spatialforge:port = 18000\s+something else listens on this port/);
});

it("an engine that does not run is one clear message", async () => {
  const { code, text } = await service.clone.run("DOCKER_HOST=unix:///tmp/no-engine.sock npm run up");
  expect(code).not.toBe(0);
  expect(text).toMatch(/the Docker engine does not answer at unix:\/\/\/tmp\/no-engine\.sock/);
  expect(text).not.toMatch(/failed to connect to any docker daemon/);
});

it("a registry that does not answer is one clear message; the update after the mend succeeds", async () => {
  docker("pause", service.container("registry"));
  const bad = await service.edited(
    "sample-app/spatialforge/main.py",
    (text) => `${text}\n# pushed nowhere\n`,
    () => service.clone.run("npm run up"),
  );
  docker("unpause", service.container("registry"));
  expect(bad.code).not.toBe(0);
  expect(bad.text).toMatch(/registry.*does not answer/);
  expect((await service.request("/v1/depth", {})).status).toBe(200);
  await service.up();
});
