import { createServer, type IncomingMessage } from "node:http";
import * as pulumi from "@pulumi/pulumi";
import { expect, it, vi } from "vitest";
import { verifyRollout } from "../../stack/docker/rollout";
import { fakeEngine, listen } from "../harness/fake-engine";

// An output that rejects would report its error several times.
vi.mock("@pulumi/pulumi", async (original) => ({
  ...(await original<typeof pulumi>()),
  all: (values: unknown[]) => ({ apply: async (run: (values: unknown[]) => unknown) => run(values) }),
  log: { info: vi.fn() },
}));

const IMAGES = { api: "r@sha256:a", worker: "r@sha256:b", cpu: "r@sha256:c" };

/** State of a container as the engine returns it. */
const state = (health: string, output = "", rest: object = {}) => ({
  RestartCount: 0,
  State: { Running: true, ExitCode: 0, Health: { Status: health, Log: [{ Output: output }] } },
  ...rest,
});

/** A log as the engine returns it: each frame has a header with its stream and its length. */
const log = (...frames: [stream: 1 | 2, text: string][]): Buffer =>
  Buffer.concat(
    frames.flatMap(([stream, text]) => {
      const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
      header.writeUInt32BE(Buffer.byteLength(text), 4);
      return [header, Buffer.from(text)];
    }),
  );

/** Verifies a rollout of the services that the engine runs. The ID of a container is the name of its service. */
function verify(services: string[], { registryPort = 9, timeout = 5 } = {}): Promise<string> {
  const repository = `127.0.0.1:${registryPort}/spatialforge`;
  const containers = Object.fromEntries(services.map((service) => [service, service]));
  return verifyRollout({ repository, source: "v1", images: IMAGES, containers, timeout }) as unknown as Promise<string>;
}

it("records the release when all services are healthy", async () => {
  const requests: string[] = [];
  const registryPort = await listen(
    createServer(({ method, url }: IncomingMessage, response) => {
      if (method === "PUT") requests.push(url!);
      response.writeHead(method === "HEAD" ? 404 : 200).end("{}");
    }),
  );
  const states = [state("starting"), state("healthy")];
  await fakeEngine({ "/containers/api/json": () => states.shift(), "/containers/beat/json": state("healthy") });
  const release = await verify(["api", "beat"], { registryPort });
  expect(states).toEqual([]);
  expect(release).toMatch(/^v1-[0-9a-f]{8}$/);
  expect(requests).toEqual([
    ...Object.keys(IMAGES).map((image) => `/v2/spatialforge/manifests/release-${release}-${image}`),
    expect.stringMatching(new RegExp(`/manifests/deployed-\\d{8}T\\d{6}Z-${release}$`)),
  ]);
});

it("fails with the output of the health check and the last lines of both log streams", async () => {
  await fakeEngine({
    "/containers/api/json": state("unhealthy", "Redis does not answer\n"),
    "/containers/api/logs": log([1, "starting\nlistening\n"], [2, "Größe 1\n"], [1, "stopped\n"]),
    "/containers/beat/json": state("healthy"),
  });
  await expect(verify(["beat", "api"])).rejects.toThrow(
    new pulumi.RunError(
      [
        "api did not become healthy: Redis does not answer",
        "The previous version, if any, is still running. The last lines of the log:",
        "  starting",
        "  listening",
        "  Größe 1",
        "  stopped",
      ].join("\n"),
    ),
  );
  expect(pulumi.log.info).toHaveBeenCalledWith("api: Redis does not answer", undefined, undefined, true);
});

it.each([
  ["before it starts again", [{ RestartCount: 2, State: { Running: false, ExitCode: 3 } }, { RestartCount: 3 }]],
  ["after it has started again", [{ RestartCount: 3 }, { RestartCount: 3, State: { Restarting: true, ExitCode: 3 } }]],
])("reports the exit code of a container that was seen %s", async (_, containers) => {
  const states = containers.map((container) => state("starting", "", container));
  await fakeEngine({ "/containers/api/json": () => states.shift(), "/containers/api/logs": log() });
  await expect(verify(["api"])).rejects.toThrow(/it restarted 3 times, the last time with exit code 3\n/);
});

it.each([
  [
    "restarts",
    state("starting", "", { RestartCount: 3, State: { Running: false, ExitCode: 137 } }),
    /^worker did not become healthy: it restarted 3 times, the last time with exit code 137\n/,
  ],
  [
    "exceeds the timeout",
    state("starting"),
    /^worker did not become healthy: the timeout expired; the last health check printed: nothing\n/,
  ],
  ["is unhealthy without output", state("unhealthy"), /^worker did not become healthy: \S/],
])("fails if a service %s", { timeout: 5000 }, async (_, container, message) => {
  await fakeEngine({ "/containers/worker/json": container, "/containers/worker/logs": log() });
  await expect(verify(["worker"], { timeout: 0 })).rejects.toThrow(message);
});
