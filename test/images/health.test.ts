import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, dockerStatus, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { exitCode, healthOf, inSandbox, RESTRICTED, restarts, Sandbox, signal, stop } from "../harness/sandbox";

/** The GPU image with a fake NVIDIA driver. */
const WITH_DRIVER = "spatialforge-test:driver";
const CPU = tagOf("cpu");

beforeAll(async () => {
  await buildImages();
  docker("build", "-q", "-t", WITH_DRIVER, "--build-arg", `IMAGE=${tagOf("api")}`, "test/images/nvml");
});

/** Waits until all containers have a health status for a reason. */
async function becomes(ids: string[], status: "healthy" | "unhealthy", reason: RegExp, seconds = 60): Promise<void> {
  const pending = new Set(ids);
  const met = (id: string) => {
    const { status: actual, line } = healthOf(id);
    return actual === status && reason.test(line);
  };
  await until(`${status}, because ${reason}`, seconds, () => {
    for (const id of pending) if (met(id)) pending.delete(id);
    return pending.size === 0;
  }).catch((error) => {
    const details = [...pending].map(
      (id) => `${JSON.stringify(healthOf(id))}\n${dockerStatus("logs", "--tail", "5", id).text}`,
    );
    throw new Error(`${error.message}\n${details.join("\n")}`);
  });
}

it(
  "a proxy of the environment does not affect the health checks",
  inSandbox(async (sandbox) => {
    sandbox.redis();
    sandbox.objects();
    const proxy = { http_proxy: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", no_proxy: "objects" };
    await becomes([sandbox.app("api", CPU, proxy)], "healthy", /^healthy: /);
  }),
);

it(
  "Redis unavailable for a short time: no restart, and the running job completes",
  inSandbox(async (sandbox) => {
    const [redis] = [sandbox.redis(), sandbox.objects()];
    const env = { HEALTH_REDIS_TOLERANCE_S: "30", HEALTH_RESTART_AFTER_S: "2" };
    const [api, worker] = (["api", "worker"] as const).map((role) => sandbox.app(role, CPU, env));
    await becomes([api, worker], "healthy", /^healthy: /);
    const before = [api, worker].map(restarts); // on a slow machine, the short limit also applies during startup
    const job = await sandbox.job(api, 7);
    await until("the job runs", 10, () => sandbox.jobState(redis, job) === "STARTED");
    docker("pause", redis);
    await becomes([worker], "healthy", /^healthy for now: /);
    docker("unpause", redis);
    await until("the job is complete", 30, () => sandbox.jobState(redis, job) === "SUCCESS");
    await becomes([api, worker], "healthy", /^healthy: /);
    expect([api, worker].map(restarts)).toEqual(before);
  }),
);

it("with a driver that is older than that of the CUDA toolkit, a role starts and its log has a warning", () => {
  const command = 'import entrypoint; print("problem:", entrypoint.gpu_problem())';
  const { text } = dockerStatus("run", "--rm", "--entrypoint", "python", WITH_DRIVER, "-c", command);
  expect(text).toMatch(/the NVIDIA driver 580\.95\.05 is older than that of CUDA 13\.2, 595\.45\.04/);
  expect(text).toContain("problem: None");
});

// At the same time: most of these tests wait for timeouts.
describe("services that start late or are lost", () => {
  it.concurrent(
    "a container is healthy for the first time when its checks have succeeded for the minimum time without a failure",
    inSandbox(async (sandbox) => {
      const [redis] = [sandbox.redis(), sandbox.objects()];
      const api = sandbox.app("api", CPU, { HEALTH_MINIMUM_S: "12" });
      const started = /^starting: the checks have succeeded for \d+ s \(minimum: 12 s\)$/;
      await becomes([api], "unhealthy", started);
      docker("pause", redis);
      await becomes([api], "unhealthy", /^unhealthy: Redis does not respond/);
      docker("unpause", redis);
      await becomes([api], "unhealthy", started);
      const again = Date.now();
      await becomes([api], "healthy", /^healthy: api$/);
      expect(Date.now() - again).toBeGreaterThan(8000);
      const lines = dockerStatus("logs", api).text.split("\n");
      expect(lines.filter((line) => line.startsWith("health check: starting"))).toHaveLength(2);
    }),
  );

  it.concurrent(
    "Redis unavailable at startup: the API is unhealthy, then restarts once and works",
    inSandbox(async (sandbox) => {
      const api = sandbox.app("api", CPU, { HEALTH_RESTART_AFTER_S: "15" });
      await becomes([api], "unhealthy", /^unhealthy: Redis does not respond at redis:6379 \(ConnectionError\)$/);
      expect(restarts(api)).toBe(0); // a restart would not make Redis available
      sandbox.redis();
      await becomes([api], "healthy", /^healthy: api$/);
      expect(restarts(api)).toBe(1);
    }),
  );

  it.concurrent(
    "Redis unavailable for longer than the limit: unhealthy without a restart, then healthy again",
    inSandbox(async (sandbox) => {
      const redis = sandbox.redis();
      const roles = (["api", "worker", "beat"] as const).map((role) =>
        sandbox.app(role, CPU, { HEALTH_REDIS_TOLERANCE_S: "8", HEALTH_RESTART_AFTER_S: "40" }),
      );
      await becomes(roles, "healthy", /^healthy: /);
      await stop(redis, 1);
      const stopped = Date.now();
      await becomes(roles, "healthy", /^healthy for now: Redis does not respond .* \(limit: 8 s\)$/);
      await becomes(roles, "unhealthy", /^unhealthy: Redis does not respond .* \(limit: 8 s\)$/);
      expect(Date.now() - stopped).toBeGreaterThan(8000);
      docker("start", redis);
      await becomes(roles, "healthy", /^healthy: /);
      expect(roles.map(restarts)).toEqual([0, 0, 0]);
    }),
  );

  it.concurrent(
    "GPU lost while running: unhealthy until it is back",
    inSandbox(async (sandbox) => {
      sandbox.redis();
      const ids = (["api", "worker"] as const).map((role) => sandbox.app(role, WITH_DRIVER));
      await becomes(ids, "healthy", /^healthy: /);
      for (const id of ids) docker("exec", id, "python", "-c", "open('/tmp/gpu-lost', 'w')");
      await becomes(ids, "unhealthy", /^unhealthy: the GPU has fallen off the bus \(nvmlInit returned 15\)$/);
      for (const id of ids) docker("exec", id, "python", "-c", "import os; os.remove('/tmp/gpu-lost')");
      await becomes(ids, "healthy", /^healthy: /);
    }),
  );
});

it.each([
  [
    "without a GPU",
    "FAKE_GPUS=0",
    /^spatialforge \w+: the NVIDIA driver 580\.95\.05 reports no GPU: assign a GPU to the container/,
  ],
  [
    "with an old driver",
    "FAKE_DRIVER=535.1",
    /the NVIDIA driver 535\.1 is too old for CUDA 13\.2: install version 580\.65\.06 or later/,
  ],
  [
    "with an early driver of the right branch",
    "FAKE_DRIVER=580.9",
    /the NVIDIA driver 580\.9 is too old for CUDA 13\.2: install version 580\.65\.06 or later/,
  ],
  [
    "without a driver",
    "NVML_LIBRARY=none.so",
    /no NVIDIA driver in this container .*: run the image with the NVIDIA runtime/,
  ],
])("API and worker do not start %s, and say why", (_, env, sentence) => {
  for (const role of ["api", "worker"]) {
    const { code, text } = dockerStatus("run", "--rm", ...RESTRICTED, "-e", env, WITH_DRIVER, role);
    expect(code).toBe(78);
    expect(text.trim()).toMatch(sentence);
    expect(text.trim().split("\n")).toHaveLength(1);
  }
});

// At the same time: most of these tests wait for timeouts.
describe("failures", () => {
  it.concurrent(
    "a worker restarts when a job exceeds its time limit",
    inSandbox(async (sandbox) => {
      const [redis] = [sandbox.redis(), sandbox.objects()];
      const api = sandbox.app("api", CPU, {}, 3);
      const worker = sandbox.app("worker", CPU, { HEALTH_JOB_LIMIT_S: "3", HEALTH_RESTART_AFTER_S: "4" });
      await becomes([api, worker], "healthy", /^healthy: /);
      const before = restarts(worker); // on a slow machine, the short limit also applies during startup
      const job = await sandbox.job(api, 600);
      await until("the job runs", 10, () => sandbox.jobState(redis, job) === "STARTED");
      const reason = new RegExp(`^unhealthy: job ${job} has been running for \\d+ s \\(limit: 3 s\\)`);
      await becomes([worker], "unhealthy", reason);
      await until("it restarts", 90, () => restarts(worker) === before + 1);
      await becomes([worker], "healthy", /^healthy: /);
    }),
  );

  it.concurrent(
    "a worker is unhealthy while it does not respond",
    inSandbox(async (sandbox) => {
      sandbox.redis();
      const worker = sandbox.app("worker", CPU);
      await becomes([worker], "healthy", /^healthy: /);
      signal(worker, "STOP");
      await becomes([worker], "unhealthy", /^unhealthy: the worker celery@\w+ does not respond$/);
      signal(worker, "CONT");
      await becomes([worker], "healthy", /^healthy: /);
      expect(restarts(worker)).toBe(0);
    }),
  );

  it.concurrent(
    "a worker that never responds restarts",
    inSandbox(async (sandbox) => {
      sandbox.redis();
      const worker = sandbox.app("worker", CPU, { HEALTH_RESTART_AFTER_S: "3" });
      await becomes([worker], "healthy", /^healthy: /);
      const before = restarts(worker);
      signal(worker, "STOP");
      await until("it restarts", 90, () => restarts(worker) === before + 1);
      await becomes([worker], "healthy", /^healthy: /);
    }),
  );

  it.concurrent(
    "beat is unhealthy while it does not tick",
    inSandbox(async (sandbox) => {
      sandbox.redis();
      const beat = sandbox.app("beat", CPU, { HEALTH_BEAT_TICK_S: "12" });
      await becomes([beat], "healthy", /^healthy: /);
      signal(beat, "STOP");
      await becomes([beat], "unhealthy", /^unhealthy: beat has not ticked for \d+ s \(limit: 12 s\)$/);
      signal(beat, "CONT");
      await becomes([beat], "healthy", /^healthy: /);
    }),
  );

  it.concurrent(
    "an API that crashes is never healthy, and its health check says why",
    inSandbox(async (sandbox) => {
      const api = sandbox.app("api", CPU, { API_KEY_SECRET: "short" }, 0.5); // it runs for about 1 s
      await until("it crashes", 90, () => restarts(api) > 1);
      expect(healthOf(api).status).not.toBe("healthy");
      await becomes([api], "unhealthy", /^unhealthy: \/health does not respond/);
    }),
  );
});

describe("the log", () => {
  /** The lines of the health check in the log of a container. */
  const lines = (id: string) =>
    dockerStatus("logs", id)
      .text.split(/\r?\n/)
      .filter((line) => /health check/.test(line));

  // As process 1: tini; docker-init, as with the setting initProcessEnabled of ECS.
  it.concurrent.each([
    ["a container", []],
    ["a container with an init process", ["--init", "-e", "TINI_SUBREAPER=1"]],
    ["a container with a terminal", ["--tty"]],
  ])("of %s has each result of the health check once, and nothing else of it", async (_, options) =>
    inSandbox(async (sandbox) => {
      const redis = sandbox.redis();
      const beat = sandbox.app("beat", CPU, { HEALTH_REDIS_TOLERANCE_S: "4" }, 1, options);
      await becomes([beat], "healthy", /^healthy: /);
      docker("pause", redis);
      await becomes([beat], "unhealthy", /^unhealthy: Redis does not respond /);
      docker("unpause", redis);
      await becomes([beat], "healthy", /^healthy: /);
      const reason = /Redis does not respond at redis:6379 \(TimeoutError\)/.source;
      const elapsed = / for \d+ s \(limit: 4 s\)/.source;
      const expected = [`healthy for now: ${reason}${elapsed}`, `unhealthy: ${reason}${elapsed}`, "healthy: beat"];
      // On a slow machine, the first check comes before beat has ticked.
      const [, ...later] = lines(beat).slice(lines(beat).indexOf("health check: healthy: beat"));
      expect(later).toHaveLength(expected.length);
      for (const [index, line] of later.entries())
        expect(line).toMatch(new RegExp(`^health check: ${expected[index]}$`));
    })(),
  );

  it.concurrent(
    "of an image that never gets healthy has the reason once",
    inSandbox(async (sandbox) => {
      const worker = sandbox.app("worker", CPU); // without Redis
      const reason = "unhealthy: Redis does not respond at redis:6379 (ConnectionError)";
      await becomes([worker], "unhealthy", new RegExp(`^${reason.replace(/[()]/g, "\\$&")}$`));
      await new Promise((resolve) => setTimeout(resolve, 3000)); // further checks
      expect(lines(worker)).toEqual([`health check: ${reason}`]);
    }),
  );

  it.concurrent(
    "cannot be written: the result of the health check is the same",
    inSandbox(async (sandbox) => {
      sandbox.redis();
      const beat = sandbox.app("beat", CPU);
      await becomes([beat], "healthy", /^healthy: /);
      const before = lines(beat);
      // Another user cannot write to the output of process 1.
      const code = `
import pathlib, runpy
state = pathlib.Path("/tmp/other")
state.mkdir()
(state / "role").write_text("beat")
(state / "tick").touch()
runpy.run_path("/opt/spatialforge/healthcheck.py", run_name="__main__")`;
      const other = ["exec", "-u", "10002", "-e", "SPATIALFORGE_STATE=/tmp/other"];
      expect(dockerStatus(...other, beat, "python", "-c", code)).toEqual({ code: 0, text: "healthy: beat\n" });
      expect(lines(beat)).toEqual(before);
    }),
  );
});

describe("running roles", () => {
  let sandbox: Sandbox, redis: string, api: string, worker: string, beat: string;
  beforeAll(async () => {
    sandbox = new Sandbox();
    [redis] = [sandbox.redis(), sandbox.objects()];
    [api, beat] = (["api", "beat"] as const).map((role) => sandbox.app(role, CPU, {}, 2));
    worker = sandbox.app("worker", CPU, {}, 4); // the first health check should not come before the worker is ready
    await becomes([api, worker, beat], "healthy", /^healthy: /);
  });
  afterAll(() => sandbox?.remove());

  it("health checks import neither torch nor the application, and take less than 1 s of CPU", () => {
    const code = `
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-X", "importtime", "/opt/spatialforge/healthcheck.py"], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
names = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
print(done.stdout.strip(), sorted(names & {"torch", "spatialforge", "numpy"}), used.ru_utime + used.ru_stime < 1)`;
    for (const id of [api, worker, beat])
      expect(docker("exec", id, "python", "-c", code)).toMatch(/^healthy: \w+ \[\] True$/);
  });

  it("SIGTERM waits for the running job", async () => {
    const job = await sandbox.job(api, 4);
    await until("the job runs", 10, () => sandbox.jobState(redis, job) === "STARTED");
    await stop(worker, 60);
    expect(sandbox.jobState(redis, job)).toBe("SUCCESS");
    expect(exitCode(worker)).toBe("0");
  });

  it("SIGTERM stops the API and an idle worker within 5 s", async () => {
    docker("start", worker);
    await becomes([api, worker], "healthy", /^healthy: /);
    for (const id of [api, worker]) {
      const sent = Date.now();
      await stop(id, 30);
      expect(Date.now() - sent).toBeLessThan(5000);
      expect(exitCode(id)).toMatch(/^(0|143)$/);
    }
  });
});
