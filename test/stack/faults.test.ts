import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, until } from "../harness/engine";
import { LocalService, SERVICES, type Service } from "../harness/local-service";

const JOBS = 20;
const REQUESTS = 200;
/** Seconds after which a job of a lost worker comes back. */
const VISIBILITY_TIMEOUT_S = 20;

const service = new LocalService();
/** Objects that a client was told of. */
const stored = new Set<string>();

beforeAll(async () => {
  service.edit(
    "Pulumi.local.yaml",
    (settings) => `${settings}  spatialforge:env:\n    VISIBILITY_TIMEOUT_S: ${VISIBILITY_TIMEOUT_S}\n`,
  );
  await service.up();
});
afterAll(() => service.down());

describe.each(SERVICES)("%s killed", (victim) => {
  it(`during ${REQUESTS} requests and ${JOBS} jobs loses no job and no object, and heals without hands`, async () => {
    const id = service.container(victim);
    const jobs: string[] = [];
    const enqueueing = Promise.all(
      Array.from({ length: JOBS }, async (_, index) => {
        await pause(index * 200);
        jobs.push(await insist(() => service.job({ work_seconds: "0.4" })));
      }),
    );
    let answered = 0;
    const requesting = Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        await pause(index * 30);
        const depth = (await insist(() => service.answer("/v1/depth", {}))) as { depth_map_url: string };
        stored.add(new URL(depth.depth_map_url).pathname.replace("/spatialforge/", ""));
        answered++;
      }),
    );
    await until("a job runs", 20, () => jobs.length > 5);
    kill(id);
    await Promise.all([enqueueing, requesting]);
    expect(answered).toBe(REQUESTS);
    expect(new Set(jobs).size).toBe(JOBS);
    for (const job of jobs) {
      await until(
        `job ${job} is complete`,
        90,
        async () => (await insist(() => service.jobStatus(job))) === "complete",
      );
      stored.add(`results/${job}.ply`);
    }
    await until(`${victim} is healthy`, 60, () => service.health(victim) === "healthy");
    expect(service.container(victim)).toBe(id); // the same one, started anew
    expect(Number(docker("inspect", "-f", "{{.RestartCount}}", id))).toBeGreaterThan(0);
    const objects = list();
    expect(stored.size).toBeGreaterThan(REQUESTS);
    expect([...stored].filter((name) => !objects.includes(name))).toEqual([]);
    expect(objects.filter((name) => jobs.some((job) => name === `results/${job}.ply`))).toHaveLength(JOBS);
    for (const name of SERVICES) expect(service.health(name)).toBe("healthy");
  });
});

it("a job that was taken off its queue and then lost is queued again", async () => {
  const busy = await service.job({ work_seconds: "5" });
  await until("the worker is busy", 20, async () => (await service.jobStatus(busy)) === "processing");
  const lost = await service.job();
  expect(docker("exec", service.container("redis"), "redis-cli", "rpop", "gpu_heavy")).toContain(lost);
  const turn = 2 * VISIBILITY_TIMEOUT_S; // it has to be that old, and then to be looked for
  await until(`job ${lost} is complete`, turn + 20, async () => (await service.jobStatus(lost)) === "complete");
});

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

/** Tries until it succeeds, as a client of a service that heals does. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 60) throw error;
      await pause(500);
    }
  }
}

/** All objects of the store, by name. */
function list(): string[] {
  const found = docker("exec", service.container("objects"), "find", "/var/tmp/spatialforge", "-type", "f");
  return found.split("\n").map((path) => path.replace("/var/tmp/spatialforge/", ""));
}

/** Ends a container's init as the kernel's out-of-memory killer does: with `docker kill` Docker would not start it anew. */
function kill(id: string): void {
  const pid = docker("inspect", "-f", "{{.State.Pid}}", id);
  const code = `import os; os.kill(${pid}, 9)`;
  const image = docker("inspect", "-f", "{{.Config.Image}}", service.container("beat" satisfies Service));
  docker("run", "--rm", "--pid=host", "--user", "0", "--entrypoint", "/opt/venv/bin/python", image, "-c", code);
}
