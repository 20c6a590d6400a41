import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker, dockerStatus, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { health, reason, restarts, Sandbox } from "../harness/sandbox";

const PASSWORD = "never-in-a-log";
const REDIS = { REDIS_URL: `redis://:${PASSWORD}@redis:6379/0` };

/** An ECS agent that prints what it is asked. The path before the real one says how it answers. */
const AGENT = `
import http.server, json, time
class Agent(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps({"at": time.time(), "path": self.path, "body": body}), flush=True)
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

interface Asked {
  at: number;
  path: string;
  body: { ProtectionEnabled: boolean; ExpiresInMinutes?: number };
}

let around: Sandbox, redis: string, api: string, agent: string;
const workers: string[] = [];

beforeAll(async () => {
  await buildImages();
  around = new Sandbox();
  redis = around.redis(PASSWORD);
  around.objects();
  agent = around.run("agent", [], tagOf("cpu"), "python", "-c", AGENT);
  api = app("api");
  await until("the API is healthy", 60, () => health(api) === "healthy");
});
afterEach(() => workers.splice(0).forEach((id) => around.end(id)));
afterAll(() => around?.remove());

const app = (role: "api" | "worker" | "beat", env: Record<string, string> = {}) =>
  around.app(role, tagOf("cpu"), { ...REDIS, ...env }, 3);
const state = (job: string) => around.jobState(redis, job);
const ended = (job: string) => until("the job is done", 40, () => state(job) === "SUCCESS");
const log = (id: string) => dockerStatus("logs", id).text;

/** Starts a worker; it takes jobs some seconds later. */
function worker(env: Record<string, string>): string {
  workers.push(app("worker", env));
  return workers.at(-1)!;
}

describe("the backlog", () => {
  const STACK = "some-stack";
  const TICK = "import os; print(os.stat('/tmp/spatialforge/tick').st_mtime)";
  let beat: string;
  const lines = (pattern: RegExp) => log(beat).match(pattern) ?? [];
  /** What beat published last, in a line of its own. */
  const last = () => JSON.parse(lines(/^\{.*\}$/gm).at(-1) ?? "{}");
  const published = (count: number) =>
    until(`the backlog is ${count}`, 20, () => last().Backlog === count).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last())}\n${log(beat)}`);
    });

  it("is published by beat: what waits, what runs, and since when the next one waits", async () => {
    beat = app("beat", { BACKLOG_NAMESPACE: "SpatialForge", BACKLOG_STACK: STACK, BACKLOG_EVERY_S: "1" });

    await published(0);
    const metrics = [
      { Name: "Backlog", Unit: "Count" },
      { Name: "BacklogAge", Unit: "Seconds" },
    ];
    expect(last()).toEqual({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [{ Namespace: "SpatialForge", Dimensions: [["Stack"]], Metrics: metrics }],
      },
      Stack: STACK,
      Backlog: 0,
      BacklogAge: 0,
    });
    expect(Math.abs(Date.now() - last()._aws.Timestamp)).toBeLessThan(10_000);

    const jobs = [around.job(api, 6), around.job(api, 0)];
    await published(2);
    const ages = [last().BacklogAge];
    await until("the age grows", 20, () => ages.push(last().BacklogAge) && ages.at(-1) > ages[0] + 3);
    expect(ages).toEqual([...ages].sort((a, b) => a - b));

    worker({});
    await until("the first job runs", 30, () => state(jobs[0]) === "STARTED");
    await until("the second one is next", 10, () => last().BacklogAge < ages.at(-1)!);
    expect(state(jobs[0])).toBe("STARTED");
    expect(last().Backlog).toBe(2);
    for (const job of jobs) await ended(job);
    await published(0);
    expect(last().BacklogAge).toBe(0);
  });

  it("is not known while Redis is away, which beat survives, says once and without the password", async () => {
    docker("stop", "-t", "1", redis);
    const said = () => lines(/backlog not published: .*/g);
    await until("beat says so", 20, () => said().length > 0);
    const ticked = () => docker("exec", beat, "python", "-c", TICK);
    const tick = ticked();
    await until("its health tolerates it", 20, () => /^healthy for now: redis does not answer/.test(reason(beat)));
    expect(health(beat)).toBe("healthy");
    await until("it ticks", 12, () => ticked() !== tick);
    const gone = Date.now();
    docker("start", redis);
    await until("it is published again", 20, () => last()._aws.Timestamp > gone);
    expect(said()).toEqual([expect.stringMatching(/^backlog not published: redis at redis \(\w+Error\)$/)]);
    expect(log(beat)).not.toContain(PASSWORD);
    expect(restarts(beat)).toBe(0);
  });

  it("is published by no beat without a namespace", async () => {
    around.end(beat);
    beat = app("beat", { BACKLOG_EVERY_S: "1" });
    await until("it has ticked", 30, () => dockerStatus("exec", beat, "python", "-c", TICK).code === 0);
    await new Promise((next) => setTimeout(next, 2000));
    expect(log(beat)).not.toContain("Backlog");
    around.end(beat);
  });
});

describe("scale-in protection", () => {
  const PROTECTED = { SCALE_IN_PROTECTION: "1", PROTECTION_EXPIRES_MIN: "1", PROTECTION_RENEW_S: "1" };
  const at = (path: string) => ({ ...PROTECTED, ECS_AGENT_URI: `http://agent:8080/${path}` });
  const SET = { ProtectionEnabled: true, ExpiresInMinutes: 1 };
  const CLEARED = { ProtectionEnabled: false };

  /** What the agent was asked under a path. */
  const asked = (path: string) =>
    (
      docker("logs", agent)
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)) as Asked[]
    ).filter((one) => one.path === `/${path}/task-protection/v1/state`);
  const bodies = (path: string) => asked(path).map((one) => one.body);
  const cleared = (path: string) =>
    until("it is cleared", 10, () => asked(path).at(-1)?.body.ProtectionEnabled === false);

  /** Starts a job on a worker, of 3 s at least so that it can be asked about it; when the worker took it, and when it began, as seconds. */
  async function run(id: string, seconds: number) {
    const job = around.job(api, seconds);
    await until("the job runs", 30, () => state(job) === "STARTED");
    const code = `
import socket
from celery import Celery
from settings import setting
node = f"celery@{socket.gethostname()}"
jobs = Celery(broker=setting("REDIS_URL")).control.inspect(destination=[node]).active()[node]
print(jobs[0]["time_start"])`;
    const began = Number(docker("exec", id, "python", "-c", code));
    const [, day, time, ms] = new RegExp(`\\[(\\S+) (\\S+),(\\d+): .*${job}\\] received`).exec(log(id))!;
    return { job, began, received: Date.parse(`${day}T${time}.${ms}Z`) / 1000 };
  }

  it("is set before a job starts, renewed while it runs, and cleared when it has ended", async () => {
    const id = worker(at("slow/1"));
    const { job, began } = await run(id, 5);
    expect(began - asked("slow/1")[0].at).toBeGreaterThan(0.99); // it waited for the answer
    await ended(job);
    await cleared("slow/1");
    expect(bodies("slow/1")).toEqual([SET, ...Array(bodies("slow/1").length - 2).fill(SET), CLEARED]);
    expect(bodies("slow/1").length).toBeGreaterThanOrEqual(3);
    const count = asked("slow/1").length;
    await new Promise((next) => setTimeout(next, 3000));
    expect(asked("slow/1")).toHaveLength(count);
    expect(log(id)).not.toContain("scale-in protection not");
  });

  it("ends also after the process that ran the job was killed", async () => {
    const id = worker(at("ok/2"));
    const { job } = await run(id, 3);
    const kill = `
import os, healthcheck
main = healthcheck.main_process()
for task in os.listdir(f"/proc/{main}/task"):
    for child in open(f"/proc/{main}/task/{task}/children").read().split():
        os.kill(int(child), 9)`;
    docker("exec", id, "python", "-c", kill);
    await until("it was killed", 10, () => /WorkerLost|exited prematurely|signal 9/.test(log(id)));
    await ended(job); // the sample app has it run again
    await cleared("ok/2");
    const count = asked("ok/2").length;
    await new Promise((next) => setTimeout(next, 3000));
    expect(asked("ok/2")).toHaveLength(count);
  });

  it("that the agent refuses costs no job, and is said in one line", async () => {
    const id = worker(at("fail/3"));
    const { job, began, received } = await run(id, 4);
    expect(began - received).toBeLessThan(1);
    await ended(job);
    expect(log(id).match(/scale-in protection not .*/g)).toEqual([
      `scale-in protection not set: the agent answers 400 '{"error": {"Code": "AccessDeniedException"}}'`,
    ]);
  });

  it.each([
    ["refuse", `the agent answers 200 '{"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}'`],
    ["other", `the agent answers 200 '{"protection": {"ProtectionEnabled": false}}'`],
    ["list", "the agent answers 200 '[]'"],
    ["ok", ""],
  ])("is known from the agent's answer, not from its code alone: %s", (mode, why) => {
    const url = ["-e", `ECS_AGENT_URI=http://localhost:8080/${mode}/6`];
    const code = "import protection; print(protection.Agent().protect(True))";
    const said = dockerStatus("exec", ...url, agent, "python", "-c", code)
      .text.trim()
      .split("\n")
      .sort();
    expect(said).toEqual(why ? ["False", `scale-in protection not set: ${why}`] : ["True"]);
  });

  it("that the agent does not answer holds a job for 2 s, and SIGTERM still lets it finish", async () => {
    const id = worker(at("hang/4"));
    const { job, began, received } = await run(id, 5);
    expect(began - received).toBeGreaterThan(1.5);
    expect(began - received).toBeLessThan(2.5);
    docker("stop", "-t", "60", id);
    expect(state(job)).toBe("SUCCESS");
    expect(docker("inspect", "-f", "{{.State.ExitCode}}", id)).toBe("0");
    expect(log(id).match(/scale-in protection not .*/g)).toEqual([expect.stringMatching(/not set: \w+: .*timed out/)]);
  });

  it.each([
    ["there is no agent", PROTECTED, "none"],
    ["it is not wanted", { ...at("ok/5"), SCALE_IN_PROTECTION: "0" }, "ok/5"],
  ])("is not asked for where %s", async (_, env, path) => {
    const id = worker(env);
    await ended(around.job(api, 1));
    expect(asked(path)).toEqual([]);
    expect(log(id)).not.toContain("scale-in protection");
  });
});
