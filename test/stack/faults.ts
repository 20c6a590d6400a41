import { expect, it } from "vitest";
import { docker, until } from "../harness/engine";
import { SERVICES, type LocalService, type Service } from "../harness/local-service";

const JOBS = 20;
const REQUESTS = 200;
/** Milliseconds between two jobs, and between two requests. */
const JOB_INTERVAL_MS = 150;
const REQUEST_INTERVAL_MS = 25;
/** Duration of a job in seconds. The worker runs one at a time, so the queue is never empty. */
const JOB_DURATION_S = 0.3;

/** Services fail under load. `visibilityTimeout`: seconds after which a job of a lost worker is queued again. */
export function faults(service: LocalService, { visibilityTimeout }: { visibilityTimeout: number }): void {
  /** Objects whose names a client received. */
  const stored = new Set<string>();

  it.each(SERVICES)(`kill of %s during ${REQUESTS} requests and ${JOBS} jobs: nothing is lost`, async (victim) => {
    const id = service.container(victim);
    const jobs: string[] = [];
    const queuing = Promise.all(
      Array.from({ length: JOBS }, async (_, index) => {
        await sleep(index * JOB_INTERVAL_MS);
        jobs.push(await retry(() => service.job({ work_seconds: String(JOB_DURATION_S) })));
      }),
    );
    let answered = 0;
    const requesting = Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        await sleep(index * REQUEST_INTERVAL_MS);
        const { depth_map_url } = (await retry(() => service.json("/v1/depth", {}))) as { depth_map_url: string };
        stored.add(new URL(depth_map_url).pathname.replace("/spatialforge/", ""));
        answered++;
      }),
    );
    await until("some jobs are queued", 20, () => jobs.length > 5);
    kill(id);
    await Promise.all([queuing, requesting]);
    expect(answered).toBe(REQUESTS);
    expect(new Set(jobs).size).toBe(JOBS);
    for (const job of jobs) {
      await until(`job ${job} is complete`, 90, async () => (await retry(() => service.jobStatus(job))) === "complete");
      stored.add(`results/${job}.ply`);
    }
    await until(`${victim} is healthy`, 60, () => service.health(victim) === "healthy");
    expect(service.container(victim)).toBe(id); // Docker restarted the same container
    expect(Number(docker("inspect", "-f", "{{.RestartCount}}", id))).toBeGreaterThan(0);
    const objects = listObjects();
    expect(stored.size).toBeGreaterThan(REQUESTS);
    expect([...stored].filter((name) => !objects.includes(name))).toEqual([]);
    expect(objects.filter((name) => jobs.some((job) => name === `results/${job}.ply`))).toHaveLength(JOBS);
    for (const name of SERVICES) expect(service.health(name)).toBe("healthy");
  });

  it("a job that Redis loses after a worker received it is queued again", async () => {
    const running = await service.job({ work_seconds: "5" });
    await until("the worker is busy", 20, async () => (await service.jobStatus(running)) === "processing");
    const lost = await service.job();
    expect(docker("exec", service.container("redis"), "redis-cli", "rpop", "gpu_heavy")).toContain(lost);
    const limit = 2 * visibilityTimeout; // first the job must be that old, then the next search must start
    await until(`job ${lost} is complete`, limit + 20, async () => (await service.jobStatus(lost)) === "complete");
  });

  /** All objects in the object store, by name. */
  function listObjects(): string[] {
    const files = docker("exec", service.container("objects"), "find", "/var/tmp/spatialforge", "-type", "f");
    return files.split("\n").map((path) => path.replace("/var/tmp/spatialforge/", ""));
  }

  /** Kills the init of a container, as the out-of-memory killer of the kernel does. After `docker kill`, Docker restarts nothing. */
  function kill(id: string): void {
    const pid = docker("inspect", "-f", "{{.State.Pid}}", id);
    const code = `import os; os.kill(${pid}, 9)`;
    const image = docker("inspect", "-f", "{{.Config.Image}}", service.container("beat" satisfies Service));
    docker("run", "--rm", "--pid=host", "--user", "0", "--entrypoint", "/opt/venv/bin/python", image, "-c", code);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Repeats an operation until it succeeds, for up to 30 s. A client of a service that restarts does the same. */
async function retry<T>(operation: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await operation();
    } catch (error) {
      if (attempts === 60) throw error;
      await sleep(500);
    }
  }
}
