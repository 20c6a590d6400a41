import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker, dockerStatus, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { exitCode, healthOf, RESTRICTED, restarts, type Role, Sandbox, stop } from "../harness/sandbox";

const PASSWORD = "never-in-a-log";
const REDIS = { REDIS_URL: `redis://:${PASSWORD}@redis:6379/0` };

/** An ECS agent that prints the requests it receives. The first element of the path selects its answer. */
const AGENT = `
import http.server, json, time
class Agent(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps({"time": time.time(), "path": self.path, "body": body}), flush=True)
        mode = self.path.split("/")[1]
        if mode == "hang":
            return time.sleep(60)
        if mode == "slow":
            time.sleep(1)
        done = {"protection": {"ProtectionEnabled": body["ProtectionEnabled"], "ExpirationDate": None}}
        code, answer = {
            "fail": (400, {"error": {"Code": "AccessDeniedException"}}),
            "refuse": (200, {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}),
            "other": (200, {"protection": {"ProtectionEnabled": not body["ProtectionEnabled"]}}),
            "list": (200, []),
        }.get(mode, (200, done))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Agent).serve_forever()`;

interface AgentRequest {
  time: number;
  path: string;
  body: { ProtectionEnabled: boolean; ExpiresInMinutes?: number };
}

let sandbox: Sandbox, redis: string, api: string, agent: string;
const workers: string[] = [];

beforeAll(async () => {
  await buildImages("cpu");
  sandbox = new Sandbox();
  redis = sandbox.redis(PASSWORD);
  sandbox.objects();
  agent = sandbox.run("agent", [], tagOf("cpu"), "python", "-c", AGENT);
  api = app("api");
  await until("the API is healthy", 60, () => healthOf(api).status === "healthy");
});
afterEach(() => workers.splice(0).forEach((id) => sandbox.end(id)));
afterAll(() => sandbox?.remove());

const app = (role: Role, env: Record<string, string> = {}) =>
  sandbox.app(role, tagOf("cpu"), { ...REDIS, ...env }, role === "worker" ? 60 : 3); // no test needs the health of a worker
const state = (job: string) => sandbox.jobState(redis, job);
const completed = (job: string) => until("the job is complete", 40, () => state(job) === "SUCCESS");
const log = (id: string) => dockerStatus("logs", id).text;

/** Starts a worker. It is ready some seconds later. */
function worker(env: Record<string, string> = {}): string {
  workers.push(app("worker", env));
  return workers.at(-1)!;
}

/** Starts beat or a worker of another Celery application, which has transport options. */
function otherApp(role: Role, options: object, env: Record<string, string>, command: string[]): string {
  const code = `
import time
from celery import Celery
from settings import setting
app = Celery("other", broker=setting("REDIS_URL"))
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, task_default_queue="default", task_ignore_result=True)
app.conf.broker_transport_options = ${JSON.stringify(options)}
@app.task(name="work")
def work(seconds):
    time.sleep(seconds)
`;
  const start = `
import os, pathlib, sys
pathlib.Path(os.environ["SPATIALFORGE_STATE"]).mkdir()
pathlib.Path("/tmp/other.py").write_text(os.environ["OTHER"])
os.environ["PYTHONPATH"] += ":/tmp"
os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "other", *sys.argv[1:]])`;
  const variables = { ...env, OTHER: code, SPATIALFORGE_STATE: "/tmp/state" };
  const flags = Object.entries(variables).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
  return sandbox.run(role, [...RESTRICTED, ...flags], tagOf("cpu"), "python", "-c", start, role, ...command);
}

/** Runs Python code in a container of a worker, with the `inspect` object of Celery for that worker. */
const inspect = (id: string, expression: string): string =>
  docker(
    "exec",
    id,
    "python",
    "-c",
    `
import socket
from celery import Celery
from settings import setting
node = f"celery@{socket.gethostname()}"
inspect = Celery(broker=setting("REDIS_URL")).control.inspect(destination=[node])
print(${expression})`,
  );

/** The queues from which a worker takes jobs. */
const queuesOf = (id: string): string[] =>
  inspect(id, `",".join(queue["name"] for queue in inspect.active_queues()[node])`).split(",");

describe("backlog", () => {
  const STACK = "some-stack";
  const roles = (queues: Record<string, string[]>) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(queues).map(([role, names]) => [
          role,
          { queues: names, minTasks: 0, maxTasks: 5, backlogPerTask: 4 },
        ]),
      ),
    );
  const PUBLISHED = {
    METRICS_NAMESPACE: "SpatialForge",
    METRICS_STACK: STACK,
    BACKLOG_EVERY_S: "1",
    BACKLOG_ROLES: roles({ worker: ["default", "gpu_heavy"] }),
  };
  const TICK = "import os; print(os.stat('/tmp/spatialforge/tick').st_mtime)";
  let beat: string;
  const cli = (...command: string[]) => docker("exec", redis, "redis-cli", ...command);
  const lines = (pattern: RegExp) => log(beat).match(pattern) ?? [];
  /** The last metrics that beat published for a role. A line contains nothing else. */
  const last = (role = "worker") =>
    lines(/^\{.*\}$/gm)
      .map((line) => JSON.parse(line))
      .filter(({ Role }) => Role === role)
      .at(-1) ?? {};
  const published = (count: number, role = "worker") =>
    until(`the backlog is ${count}`, 20, () => last(role).Backlog === count).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last(role))}\n${log(beat)}`);
    });

  it("counts each role's waiting and running jobs, and the age of the next one", async () => {
    beat = app("beat", { ...PUBLISHED, BACKLOG_ROLES: roles({ other: ["default"], worker: ["gpu_heavy"] }) });

    await published(0);
    const metrics = [
      { Name: "Backlog", Unit: "Count" },
      { Name: "BacklogAge", Unit: "Seconds" },
      { Name: "WantedTasks", Unit: "Count" },
    ];
    expect(last()).toEqual({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [{ Namespace: "SpatialForge", Dimensions: [["Stack", "Role"]], Metrics: metrics }],
      },
      Stack: STACK,
      Role: "worker",
      Backlog: 0,
      BacklogAge: 0,
      WantedTasks: 0,
    });
    expect(Math.abs(Date.now() - last()._aws.Timestamp)).toBeLessThan(10_000);

    // The first role counts running jobs that match no role.
    cli("hset", "unacked", "elsewhere", JSON.stringify([{}, "", "elsewhere"]), "invalid", "{");
    await published(2, "other");
    cli("hdel", "unacked", "elsewhere", "invalid");

    const jobs = [await sandbox.job(api, 6), await sandbox.job(api, 0)];
    await published(2);
    const ages = [last().BacklogAge];
    await until("the age grows", 20, () => ages.push(last().BacklogAge) && ages.at(-1) > ages[0] + 3);
    expect(ages).toEqual([...ages].sort((a, b) => a - b));

    worker();
    await until("the first job runs", 30, () => state(jobs[0]) === "STARTED");
    await until("the second job is next", 10, () => last().BacklogAge < ages.at(-1)!);
    expect(state(jobs[0])).toBe("STARTED");
    expect(last().Backlog).toBe(2);
    expect(last("other")).toMatchObject({ Stack: STACK, Backlog: 0, BacklogAge: 0 });
    for (const job of jobs) await completed(job);
    await published(0);
    expect(last().BacklogAge).toBe(0);
  });

  it("is not published without Redis: beat keeps running and logs one warning without the password", async () => {
    docker("stop", "-t", "1", redis);
    const warnings = () => lines(/backlog not published: .*/g);
    await until("beat logs a warning", 20, () => warnings().length > 0);
    const tick = () => docker("exec", beat, "python", "-c", TICK);
    const before = tick();
    const tolerated = /^healthy for now: Redis does not respond/;
    await until("its health check tolerates it", 20, () => tolerated.test(healthOf(beat).line));
    expect(healthOf(beat).status).toBe("healthy");
    await until("it ticks", 12, () => tick() !== before);
    const restarted = Date.now();
    docker("start", redis);
    await until("the backlog is published again", 20, () => last()._aws.Timestamp > restarted);
    expect(warnings()).toEqual([expect.stringMatching(/^backlog not published: Redis at redis: \w+Error$/)]);
    expect(log(beat)).not.toContain(PASSWORD);
    expect(restarts(beat)).toBe(0);
  });

  describe("the number of wanted tasks", () => {
    const wanted = (count: number) =>
      until(`${count} tasks are wanted`, 40, () => last().WantedTasks === count).catch((error) => {
        throw new Error(`${error.message}; the metrics are ${JSON.stringify(last())}`);
      });
    const running = (...ids: string[]) =>
      cli("hset", "unacked", ...ids.flatMap((id) => [id, JSON.stringify([{ headers: { eta: null } }, "", "default"])]));

    it("is the jobs by the backlog per task, at least the running jobs, and within the limits", async () => {
      sandbox.end(beat);
      beat = app("beat", PUBLISHED);
      cli("lpush", "default", "1", "2");
      cli("lpush", "gpu_heavy", ...Array<string>(15).fill("1"));
      running("a", "b", "c");
      await published(20);
      expect(last().WantedTasks).toBe(5);
      cli("lpush", "default", ...Array<string>(20).fill("1"));
      await published(40);
      expect(last().WantedTasks).toBe(5); // maxTasks
      cli("del", "default", "gpu_heavy");
      await published(3);
      expect(last().WantedTasks).toBe(3); // not 1: each running job has a worker of its own
      cli("del", "unacked");
      await wanted(0);
    });

    it("falls after the delay, also if beat is replaced in the meantime", async () => {
      sandbox.end(beat);
      const delayed = { ...PUBLISHED, SCALE_IN_DELAY_S: "20" };
      beat = app("beat", delayed);
      cli("lpush", "default", ...Array<string>(8).fill("1"));
      await wanted(2);
      cli("del", "default");
      await published(0);
      const since = Date.now();
      expect(last().WantedTasks).toBe(2);
      sandbox.end(beat);
      beat = app("beat", delayed);
      await published(0);
      expect(last().WantedTasks).toBe(2);
      cli("lpush", "default", ...Array<string>(20).fill("1"));
      await wanted(5); // rises at once
      cli("ltrim", "default", "0", "0");
      await wanted(1);
      expect(Date.now() - since).toBeGreaterThan(20_000);
      cli("del", "default");
      await published(0);
      cli("del", "spatialforge:wanted-tasks");
    });

    it("counts priorities, a key prefix, and jobs with an ETA", async () => {
      sandbox.end(beat);
      const options = { global_keyprefix: "app:", priority_steps: [0, 5], sep: "-", unacked_key: "taken" };
      const other = (role: Role, ...command: string[]) => otherApp(role, options, { ...REDIS, ...PUBLISHED }, command);
      const queue = (expression: string) =>
        docker("exec", beat, "python", "-c", `import sys; sys.path.append("/tmp"); import other\n${expression}`);
      beat = other(
        "beat",
        "--scheduler",
        "beat:TickingScheduler",
        "--schedule",
        "/tmp/schedule",
        "--max-interval",
        "5",
      );
      await published(0);
      queue("for priority in (0, 3, 5, 9): other.work.apply_async((0,), priority=priority)");
      await published(4);
      expect(last()).toMatchObject({ WantedTasks: 1 });
      expect(cli("keys", "app:default*").split("\n").sort()).toEqual(["app:default", "app:default-5"]);

      workers.push(other("worker", "--concurrency=1", "-Q", "default"));
      await published(0);
      queue("for _ in range(6): other.work.apply_async((0,), countdown=600)");
      await until("the worker has taken them", 20, () => cli("hlen", "app:taken") === "6");
      await published(6);
      expect(last()).toMatchObject({ WantedTasks: 2 }); // one worker waits for all of them
      queue("for _ in range(3): other.work.apply_async((0,), countdown=4)");
      await published(9);
      await published(6);
    });
  });

  it("is not published without a namespace", async () => {
    sandbox.end(beat);
    beat = app("beat", { BACKLOG_EVERY_S: "1" });
    await until("it ticks", 30, () => dockerStatus("exec", beat, "python", "-c", TICK).code === 0);
    await pause(2000);
    expect(log(beat)).not.toContain("Backlog");
    sandbox.end(beat);
  });
});

describe("scale-in protection", () => {
  const PROTECTED = { SCALE_IN_PROTECTION: "1", PROTECTION_EXPIRES_MIN: "1", PROTECTION_RENEW_S: "1" };
  const at = (path: string) => ({ ...PROTECTED, ECS_AGENT_URI: `http://agent:8080/${path}` });
  const SET = { ProtectionEnabled: true, ExpiresInMinutes: 1 };
  const CLEARED = { ProtectionEnabled: false };

  /** Requests that the agent received for a path. */
  const requests = (path: string) =>
    (
      docker("logs", agent)
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)) as AgentRequest[]
    ).filter((request) => request.path === `/${path}/task-protection/v1/state`);
  const bodies = (path: string) => requests(path).map(({ body }) => body);
  const cleared = (path: string) =>
    until("the protection is cleared", 10, () => requests(path).at(-1)?.body.ProtectionEnabled === false);
  const noMoreRequests = async (path: string) => {
    const count = requests(path).length;
    await pause(3000);
    expect(requests(path)).toHaveLength(count);
  };

  /** Runs a job on a worker. Returns the times in seconds when the worker received it and when it started. The job must last 3 s. */
  async function run(id: string, seconds: number) {
    const job = await sandbox.job(api, seconds);
    await until("the job runs", 30, () => state(job) === "STARTED");
    const started = Number(inspect(id, `inspect.active()[node][0]["time_start"]`));
    const [, day, time, ms] = new RegExp(`\\[(\\S+) (\\S+),(\\d+): .*${job}\\] received`).exec(log(id))!;
    return { job, started, received: Date.parse(`${day}T${time}.${ms}Z`) / 1000 };
  }

  it("is set before a job starts, renewed while it runs, and cleared afterwards", async () => {
    const id = worker(at("slow/1"));
    const { job, started } = await run(id, 4);
    expect(started - requests("slow/1")[0].time).toBeGreaterThan(0.99); // the job waited for the answer
    expect(queuesOf(id).sort()).toEqual(["default", "gpu_heavy"]);
    await completed(job);
    await cleared("slow/1");
    expect(bodies("slow/1")).toEqual([SET, ...Array(bodies("slow/1").length - 2).fill(SET), CLEARED]);
    expect(bodies("slow/1").length).toBeGreaterThanOrEqual(3);
    await noMoreRequests("slow/1");
    expect(log(id)).not.toContain("scale-in protection not");
  });

  it("is cleared after the process of the job is killed", async () => {
    const id = worker(at("ok/2"));
    const { job } = await run(id, 8);
    const kill = `
import os, healthcheck
main = healthcheck.main_process()
for task in os.listdir(f"/proc/{main}/task"):
    for child in open(f"/proc/{main}/task/{task}/children").read().split():
        os.kill(int(child), 9)`;
    docker("exec", id, "python", "-c", kill);
    await until("it is killed", 10, () => /WorkerLost|exited prematurely|signal 9/.test(log(id)));
    await completed(job); // the sample app runs it again
    await cleared("ok/2");
    await noMoreRequests("ok/2");
  });

  it("does not delay a job and logs one warning when the agent refuses it", async () => {
    const id = worker({ ...at("fail/3"), WORKER_QUEUES: "gpu_heavy" });
    const { job, started, received } = await run(id, 4);
    expect(started - received).toBeLessThan(1);
    expect(queuesOf(id)).toEqual(["gpu_heavy"]);
    await completed(job);
    expect(log(id).match(/scale-in protection not .*/g)).toEqual([
      `scale-in protection not set: the ECS agent returned 400 '{"error": {"Code": "AccessDeniedException"}}'`,
    ]);
  });

  it.each([
    ["refuse", `the ECS agent returned 200 '{"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}'`],
    ["other", `the ECS agent returned 200 '{"protection": {"ProtectionEnabled": false}}'`],
    ["list", "the ECS agent returned 200 '[]'"],
    ["ok", ""],
  ])("depends on the body of the agent's answer, not only on its status: %s", (mode, reason) => {
    const url = ["-e", `ECS_AGENT_URI=http://localhost:8080/${mode}/6`];
    const code = "import protection; print(protection.Agent().protect(True))";
    const output = dockerStatus("exec", ...url, agent, "python", "-c", code)
      .text.trim()
      .split("\n")
      .sort();
    expect(output).toEqual(reason ? ["False", `scale-in protection not set: ${reason}`] : ["True"]);
  });

  it("delays a job by 2 s when the agent does not respond, and SIGTERM still waits for the job", async () => {
    const id = worker(at("hang/4"));
    const { job, started, received } = await run(id, 5);
    expect(started - received).toBeGreaterThan(1.5);
    expect(started - received).toBeLessThan(2.5);
    await stop(id, 60);
    expect(state(job)).toBe("SUCCESS");
    expect(exitCode(id)).toBe("0");
    expect(log(id).match(/scale-in protection not .*/g)).toEqual([expect.stringMatching(/not set: \w+: .*timed out/)]);
  });

  it.each([
    ["without an agent", PROTECTED, "none"],
    ["when it is disabled", { ...at("ok/5"), SCALE_IN_PROTECTION: "0" }, "ok/5"],
  ])("is not requested %s", async (_, env, path) => {
    const id = worker(env);
    await completed(await sandbox.job(api, 1));
    expect(requests(path)).toEqual([]);
    expect(log(id)).not.toContain("scale-in protection");
  });
});
