import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker, dockerStatus, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { health, LOCKED, reason, restarts, Sandbox, signal } from "../harness/sandbox";

/** A GPU image with a fake NVIDIA driver. */
const WITH_DRIVER = "spatialforge-test:driver";
const sandboxes: Sandbox[] = [];
const sandbox = () => {
  sandboxes.push(new Sandbox());
  return sandboxes.at(-1)!;
};

beforeAll(async () => {
  await buildImages();
  docker("build", "-q", "-t", WITH_DRIVER, "--build-arg", `IMAGE=${tagOf("api")}`, "test/images/nvml");
});
// At once: the checks of all that were left running would starve the later tests.
afterEach(() => sandboxes.splice(0).forEach((one) => one.remove()));

const turns = (id: string, status: "healthy" | "unhealthy", why: RegExp, seconds = 30) =>
  until(`${status}, because ${why}`, seconds, () => health(id) === status && why.test(reason(id))).catch((error) => {
    throw new Error(
      `${error.message}; it is ${health(id)}: ${reason(id)}\n${dockerStatus("logs", "--tail", "5", id).text}`,
    );
  });

describe("Redis", () => {
  it("absent at start: unhealthy at once; once it is there, the API starts anew by itself and works", async () => {
    const around = sandbox();
    const api = around.app("api", tagOf("cpu"), { HEALTH_RESTART_AFTER_S: "2" });
    await turns(api, "unhealthy", /^unhealthy: redis does not answer at redis:6379 \(ConnectionError\)$/);
    expect(restarts(api)).toBe(0); // a restart does not bring Redis
    around.redis();
    await turns(api, "healthy", /^healthy: api$/);
    expect(restarts(api)).toBe(1);
  });

  it("lost later: tolerated for as long as a failover takes, then unhealthy; nothing is restarted, and it recovers", async () => {
    const around = sandbox();
    const redis = around.redis();
    const roles = (["api", "worker", "beat"] as const).map((role) =>
      around.app(role, tagOf("cpu"), { HEALTH_REDIS_TOLERANCE_S: "8", HEALTH_RESTART_AFTER_S: "40" }),
    );
    for (const id of roles) await turns(id, "healthy", /^healthy: /);
    docker("stop", "-t", "1", redis);
    const lost = Date.now();
    for (const id of roles) await turns(id, "healthy", /^healthy for now: redis does not answer .* limit 8 s$/);
    for (const id of roles) await turns(id, "unhealthy", /^unhealthy: redis does not answer .* limit 8 s$/);
    expect(Date.now() - lost).toBeGreaterThan(8000);
    docker("start", redis);
    for (const id of roles) await turns(id, "healthy", /^healthy: /, 60);
    expect(roles.map(restarts)).toEqual([0, 0, 0]);
  });

  it("lost for less than that: kills nothing, and the running job is finished", async () => {
    const around = sandbox();
    const [redis] = [around.redis(), around.objects()];
    const env = { HEALTH_REDIS_TOLERANCE_S: "30", HEALTH_RESTART_AFTER_S: "2" };
    const [api, worker] = (["api", "worker"] as const).map((role) => around.app(role, tagOf("cpu"), env));
    for (const id of [api, worker]) await turns(id, "healthy", /^healthy: /);
    const before = [api, worker].map(restarts); // on a slow machine such a short limit also meets one that only starts
    const job = around.job(api, 10);
    await until("the job runs", 10, () => around.jobState(redis, job) === "STARTED");
    docker("pause", redis);
    await turns(worker, "healthy", /^healthy for now: /);
    docker("unpause", redis);
    await until("the job is done", 30, () => around.jobState(redis, job) === "SUCCESS");
    for (const id of [api, worker]) await turns(id, "healthy", /^healthy: /);
    expect([api, worker].map(restarts)).toEqual(before);
  });
});

describe("GPU", () => {
  const start = (role: string, ...env: string[]) =>
    dockerStatus("run", "--rm", ...LOCKED, ...env.flatMap((one) => ["-e", one]), WITH_DRIVER, role);

  it.each([
    ["absent", "FAKE_GPUS=0", /^spatialforge \w+: the NVIDIA driver 580\.95\.05 shows no GPU: give the container one/],
    [
      "with too old a driver",
      "FAKE_DRIVER=535.1",
      /driver 535\.1 is too old for CUDA 13: it needs branch 580 or newer/,
    ],
    [
      "without a driver",
      "NVML_LIBRARY=none.so",
      /no NVIDIA driver in this container .*: run it with the NVIDIA runtime/,
    ],
  ])("%s at start: API and worker stop with one sentence", (_, env, sentence) => {
    for (const role of ["api", "worker"]) {
      const { code, text } = start(role, env);
      expect(code).toBe(78);
      expect(text.trim()).toMatch(sentence);
      expect(text.trim().split("\n")).toHaveLength(1);
    }
  });

  it("lost later: unhealthy, and healthy again when it is back", async () => {
    const around = sandbox();
    around.redis();
    const ids = (["api", "worker"] as const).map((role) => around.app(role, WITH_DRIVER));
    for (const id of ids) await turns(id, "healthy", /^healthy: /);
    for (const id of ids) docker("exec", id, "python", "-c", "open('/tmp/gpu-lost', 'w')");
    for (const id of ids)
      await turns(id, "unhealthy", /^unhealthy: the NVIDIA driver does not answer \(nvmlInit returned 15\)$/);
    for (const id of ids) docker("exec", id, "python", "-c", "import os; os.remove('/tmp/gpu-lost')");
    for (const id of ids) await turns(id, "healthy", /^healthy: /);
  });
});

describe("a worker", () => {
  it("whose job runs too long is unhealthy, and starts anew by itself", async () => {
    const around = sandbox();
    const [redis] = [around.redis(), around.objects()];
    const api = around.app("api", tagOf("cpu"));
    const worker = around.app("worker", tagOf("cpu"), { HEALTH_JOB_LIMIT_S: "3", HEALTH_RESTART_AFTER_S: "4" });
    for (const id of [api, worker]) await turns(id, "healthy", /^healthy: /);
    const job = around.job(api, 600);
    await until("the job runs", 10, () => around.jobState(redis, job) === "STARTED");
    await turns(worker, "unhealthy", new RegExp(`^unhealthy: job ${job} has run for \\d+ s, limit 3 s`));
    await until("it starts anew", 60, () => restarts(worker) === 1);
    await turns(worker, "healthy", /^healthy: /);
  });

  it("that does not answer is unhealthy, and healthy when it answers again", async () => {
    const around = sandbox();
    around.redis();
    const worker = around.app("worker", tagOf("cpu"));
    await turns(worker, "healthy", /^healthy: /);
    signal(worker, "STOP");
    await turns(worker, "unhealthy", /^unhealthy: the worker celery@\w+ does not answer$/);
    signal(worker, "CONT");
    await turns(worker, "healthy", /^healthy: /);
    expect(restarts(worker)).toBe(0);
  });

  it("that does not answer any more starts anew by itself", async () => {
    const around = sandbox();
    around.redis();
    const worker = around.app("worker", tagOf("cpu"), { HEALTH_RESTART_AFTER_S: "3" });
    await turns(worker, "healthy", /^healthy: /);
    signal(worker, "STOP");
    await until("it starts anew", 60, () => restarts(worker) === 1);
    await turns(worker, "healthy", /^healthy: /);
  });
});

it("a beat that stalls is unhealthy, and healthy when it ticks again", async () => {
  const around = sandbox();
  around.redis();
  const beat = around.app("beat", tagOf("cpu"), { HEALTH_BEAT_TICK_S: "12" });
  await turns(beat, "healthy", /^healthy: /);
  signal(beat, "STOP");
  await turns(beat, "unhealthy", /^unhealthy: beat has not ticked for \d+ s, limit 12 s$/);
  signal(beat, "CONT");
  await turns(beat, "healthy", /^healthy: /);
});

it("an app that crashes is never healthy, and its health says so", async () => {
  const api = sandbox().app("api", tagOf("cpu"), { API_KEY_SECRET: "short" });
  await until("it crashes", 30, () => restarts(api) > 1);
  expect(health(api)).not.toBe("healthy");
  await turns(api, "unhealthy", /^unhealthy: \/health does not answer/, 60);
});

it("a check imports neither torch nor the application, and takes less than 1 s of CPU", async () => {
  const around = sandbox();
  around.redis();
  const ids = (["api", "worker", "beat"] as const).map((role) => around.app(role, tagOf("cpu")));
  const code = `
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-X", "importtime", "/opt/spatialforge/healthcheck.py"], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
names = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
print(done.stdout.strip(), sorted(names & {"torch", "spatialforge", "numpy"}), used.ru_utime + used.ru_stime < 1)`;
  for (const id of ids) {
    await turns(id, "healthy", /^healthy: /);
    expect(docker("exec", id, "python", "-c", code)).toMatch(/^healthy: \w+ \[\] True$/);
  }
});

describe("SIGTERM", () => {
  it("ends the API and an idle worker within 5 s", async () => {
    const around = sandbox();
    around.redis();
    for (const role of ["api", "worker"] as const) {
      const id = around.app(role, tagOf("cpu"));
      await turns(id, "healthy", /^healthy: /);
      const sent = Date.now();
      docker("stop", "-t", "30", id);
      expect(Date.now() - sent, role).toBeLessThan(5000);
      expect(docker("inspect", "-f", "{{.State.ExitCode}}", id), role).toMatch(/^(0|143)$/);
    }
  });

  it("lets a running job finish", async () => {
    const around = sandbox();
    const [redis] = [around.redis(), around.objects()];
    const [api, worker] = (["api", "worker"] as const).map((role) => around.app(role, tagOf("cpu")));
    for (const id of [api, worker]) await turns(id, "healthy", /^healthy: /);
    const job = around.job(api, 7);
    await until("the job runs", 10, () => around.jobState(redis, job) === "STARTED");
    docker("stop", "-t", "60", worker);
    expect(around.jobState(redis, job)).toBe("SUCCESS");
    expect(docker("inspect", "-f", "{{.State.ExitCode}}", worker)).toBe("0");
  });
});
