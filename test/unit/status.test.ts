import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, vi } from "vitest";
import { openStack } from "../../scripts/operate/stack";
import { awsStatus } from "../../scripts/status/aws/status";
import { localStatus } from "../../scripts/status/local/status";
import type { Status } from "../../scripts/status/model";
import { problemsOf } from "../../scripts/status/problems";
import { runningReleases } from "../../scripts/status/releases";
import { screen } from "../../scripts/status/screen";
import { watch } from "../../scripts/status/watch";
import { LABELS } from "../../stack/clients/docker";
import { ROOT } from "../../stack/root";
import { fakeAws, type AwsAnswer } from "../harness/fake-aws";
import { fakeEngine } from "../harness/fake-engine";

const NOW = "2026-03-02T14:15:00.000Z";
const DIGEST = `sha256:${"ab".repeat(32)}`;
const role = (name: string, more: object = {}) => ({
  role: name,
  desired: 1,
  running: 1,
  healthy: 1,
  minTasks: 1,
  digest: DIGEST,
  release: "v1-3f2a9c01",
  ...more,
});

/** A stack on AWS in which all is well, with differences. */
const status = (more: Partial<Status> = {}): Status => ({
  stack: "dev",
  platform: "aws",
  region: "us-east-1",
  time: NOW,
  roles: { data: [role("api"), role("worker"), role("beat")] },
  deployments: { data: [] },
  waiting: { data: [] },
  queues: { data: [{ role: "worker", jobs: 4, age: 0, wantedTasks: 1, maxTasks: 1, capacity: 4 }] },
  instances: { data: [] },
  redis: { data: [{ node: "redis-001", memory: 3 }] },
  alarms: { data: [] },
  ...more,
});

const show = (one: Status): string[] => screen(one, problemsOf(one)).split("\n");

const failed = (more: object = {}) => ({
  role: "api",
  state: "failed" as const,
  finishedAt: "2026-03-02T14:12:00.000Z",
  isLatest: true,
  reason: "exit code 3",
  details: [],
  ...more,
});
const waiting = (reason: string) => ({ data: [{ role: "worker", tasks: 2, reasons: [reason] }] });
const instance = (more: object = {}) => ({
  id: "i-1",
  type: "g5.xlarge",
  zone: "us-east-1a",
  ami: "ami-1",
  gpus: 1,
  freeGpus: 0,
  status: "ACTIVE",
  agentConnected: true,
  ...more,
});
const alarm = (section: string) => ({ name: "alarms-x-1a2b3c4", description: `It is slow. ${section}` });

describe("the problems of a stack", () => {
  it("are none if all is well, also in a deployment in progress and while an instance starts", () => {
    const deployment = {
      ...failed(),
      state: "in progress" as const,
      failedTasks: 0,
      reason: "0 of 2 new tasks are healthy",
    };
    const roles = { data: [role("api", { desired: 2 }), role("worker", { healthy: 0 })] };
    const later = failed({ role: "beat", isLatest: false });
    const started = { data: [{ role: "worker", tasks: 1, reasons: [] }] };
    expect(problemsOf(status({ roles, deployments: { data: [deployment, later] }, waiting: started }))).toEqual([]);
  });

  it.each<[string, Partial<Status>, string, string]>([
    [
      "a deployment that failed",
      { deployments: { data: [failed()] } },
      "api: the last deployment failed: exit code 3",
      "npm run logs -- --stack dev api --since 1h",
    ],
    [
      "a deployment whose tasks fail",
      {
        deployments: {
          data: [failed({ state: "in progress", failedTasks: 2, reason: "0 of 1 new tasks are healthy, 2 failed" })],
        },
      },
      "api: tasks of the deployment in progress fail: 0 of 1 new tasks are healthy, 2 failed",
      "npm run logs -- --stack dev api --since 1h",
    ],
    [
      "a quota that is too low",
      {
        waiting: waiting(
          "no GPU instance started (1 attempt, us-east-1a): the quota is too low: it is 0 vCPUs. Request an increase with `aws service-quotas X`.",
        ),
      },
      "worker: 2 tasks wait for an instance: the quota is too low: it is 0 vCPUs",
      "aws service-quotas X",
    ],
    [
      "the maximum of instances",
      { waiting: waiting("the Auto Scaling group gpu has its maximum of 2 instances: raise aws.gpu.maxInstances") },
      "worker: 2 tasks wait for an instance: the Auto Scaling group gpu has its maximum of 2 instances: raise aws.gpu.maxInstances",
      "pulumi config set --stack dev --path spatialforge:aws.gpu.maxInstances VALUE && pulumi up --stack dev",
    ],
    [
      "an internal error of AWS",
      { waiting: waiting("AWS had an internal error. Auto Scaling tries again.") },
      "worker: 2 tasks wait for an instance: AWS had an internal error",
      "npm run status -- --stack dev --watch",
    ],
    [
      "a service that does not exist",
      { roles: { data: [role("beat", { running: 0, problem: "the service does not exist" })] } },
      "beat: the service does not exist",
      "pulumi up --stack dev",
    ],
    [
      "a task that is not healthy",
      { roles: { data: [role("api", { desired: 2, running: 2 })] } },
      "api: 1 of 2 tasks are healthy",
      "npm run logs -- --stack dev api --since 1h",
    ],
    [
      "a missing metric",
      { queues: { data: [{ role: "worker" }] } },
      "worker: the number of jobs is unknown, and worker does not scale: beat publishes no metrics",
      "npm run logs -- --stack dev beat --since 1h",
    ],
    [
      "a full queue",
      { queues: { data: [{ role: "worker", jobs: 9, maxTasks: 2, capacity: 8 }] } },
      "worker: the queue is full: 9 jobs, and the maximum of 2 tasks is enough for 8",
      "pulumi config set --stack dev --path spatialforge:aws.worker.maxTasks 3 && pulumi up --stack dev",
    ],
    [
      "an instance without its agent",
      { instances: { data: [instance({ agentConnected: false })] } },
      "instance i-1: the ECS agent is not connected",
      "aws ec2 describe-instance-status --region us-east-1 --instance-ids i-1",
    ],
    [
      "an alarm of the load balancer",
      { alarms: { data: [alarm("Runbook: docs/operations.md#slow-requests")] } },
      "alarm alarms-x-1a2b3c4: It is slow. Runbook: docs/operations.md#slow-requests",
      "npm run logs -- --stack dev api --since 1h",
    ],
    [
      "another alarm",
      { alarms: { data: [alarm("Ask somebody.")] } },
      "alarm alarms-x-1a2b3c4: It is slow. Ask somebody.",
      "aws cloudwatch describe-alarm-history --region us-east-1 --alarm-name alarms-x-1a2b3c4",
    ],
  ])("have a command: %s", (_, more, problem, next) => {
    expect(problemsOf(status(more))).toEqual([{ problem, next }]);
  });

  it("have the same missing permission once", () => {
    const unknown = { unknown: "the permission ecs:DescribeServices is missing" };
    const problems = problemsOf(status({ roles: unknown, deployments: unknown, waiting: unknown }));
    expect(problems).toEqual([
      expect.objectContaining({
        problem: "not everything could be read: the permission ecs:DescribeServices is missing",
      }),
    ]);
  });
});

describe("the screen", () => {
  it("starts with the most urgent problems and their commands, in five lines", () => {
    const lines = show(
      status({
        deployments: { data: [failed()] },
        waiting: waiting("AWS has no capacity. Raise aws.gpu.maxInstances."),
      }),
    );
    expect(lines.slice(0, 5)).toEqual([
      "worker: 2 tasks wait for an instance: AWS has no capacity",
      expect.stringContaining("  next: pulumi config set"),
      "api: the last deployment failed: exit code 3",
      "  next: npm run logs -- --stack dev api --since 1h",
      "stack dev, us-east-1, 2026-03-02 14:15:00 UTC",
    ]);
  });

  it("has at most 40 lines of 100 columns, besides commands", () => {
    const log = Array.from({ length: 60 }, (_, line) => `line ${line} ${"x".repeat(200)}`);
    const many = Array.from({ length: 30 }, (_, index) => instance({ id: `i-${index}` }));
    const deployments = { data: ["api", "worker", "beat"].map((name) => failed({ role: name, details: log })) };
    const queues = { data: Array.from({ length: 9 }, (_, index) => ({ role: `worker-${index}`, jobs: 1 })) };
    const lines = show(status({ deployments, queues, instances: { data: many } }));
    expect(lines).toHaveLength(40);
    expect(lines.at(-1)).toContain("--json");
    for (const line of lines.filter((one) => !one.startsWith("  next: "))) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines.join("\n")).toContain("line 59 "); // the end of the log is more important than its start
  });

  it("says what could not be read, and shows the rest", () => {
    const lines = show(status({ redis: { unknown: "the permission cloudwatch:DescribeAlarms is missing" } }));
    expect(lines).toContain("Redis: unknown, the permission cloudwatch:DescribeAlarms is missing");
    expect(lines.join("\n")).toMatch(/^worker .*1 {8}1 {8}1 {2}v1-3f2a9c01 {2}abababababab$/m);
  });
});

describe("the release of a role", () => {
  const image = (digest: string, ...tags: string[]) => ({ digest, tags, pushedAt: 0 });
  const images = [
    image("a1", "release-v1-11111111-api", "release-v2-22222222-api"),
    image("w1", "release-v1-11111111-worker"),
    image("w2", "release-v2-22222222-worker", "deployed-20260302T141500Z-v2-22222222"),
  ];

  it("is the one that has the images of all roles", () => {
    expect(runningReleases(["a1", "w1"], images)).toEqual(["v1-11111111", "v1-11111111"]);
    expect(runningReleases(["a1", "w2"], images)).toEqual(["v2-22222222", "v2-22222222"]);
  });

  it("is the last deployed one if they have none in common, and unknown for an image that is in none", () => {
    expect(runningReleases(["a1", "w1", "w2", "b9", undefined], images)).toEqual([
      "v2-22222222",
      "v1-11111111",
      "v2-22222222",
      undefined,
      undefined,
    ]);
  });
});

/** Answers of a stack whose services have no tasks. */
const EMPTY: Record<string, AwsAnswer> = {
  DescribeClusters: {
    clusters: [
      {
        clusterArn: "arn:aws:ecs:us-east-1:123456789012:cluster/spatialforge-dev",
        status: "ACTIVE",
        capacityProviders: ["gpu"],
      },
    ],
  },
  DescribeServices: {
    services: ["api", "worker", "beat"].map((name) => ({
      serviceName: name,
      status: "ACTIVE",
      taskDefinition: "t",
      desiredCount: 0,
      deployments: [{ id: "d", status: "PRIMARY", rolloutState: "COMPLETED" }],
    })),
  },
  ListTasks: { taskArns: ["t"] },
  DescribeTasks: {
    tasks: [{ taskArn: "t", lastStatus: "PROVISIONING", taskDefinitionArn: "t", createdAt: 1e9, containers: [] }],
  },
  DescribeTaskDefinition: {
    taskDefinition: { containerDefinitions: [{ image: "r@sha256:a", logConfiguration: { options: {} } }] },
  },
  ListServiceDeployments: { serviceDeployments: [{ status: "STOPPED", createdAt: 1, targetServiceRevisionArn: "r" }] },
  DescribeServiceRevisions: { serviceRevisions: [{ taskDefinition: "t" }] },
  ListContainerInstances: { containerInstanceArns: ["i"] },
  DescribeCapacityProviders: {
    capacityProviders: [{ autoScalingGroupProvider: { autoScalingGroupArn: "x:autoScalingGroupName/g" } }],
  },
};

describe("permissions", () => {
  const readStatus = async () => awsStatus(await openStack("dev"));

  it("that are missing are named, and do not hide what can be read", async () => {
    await fakeAws({
      ...EMPTY,
      DescribeTaskDefinition: { taskDefinition: { containerDefinitions: [{ image: "r:tag" }] } },
    });
    const found = await readStatus();
    expect(found.roles).toMatchObject({ data: [{ role: "api" }, { role: "worker" }, { role: "beat" }] });
    expect(found.instances).toEqual({ unknown: "the permission ecs:DescribeContainerInstances is missing" });
    expect(found.alarms).toEqual({ unknown: "the permission cloudwatch:DescribeAlarms is missing" });
    expect(found.queues).toEqual({ unknown: "the permission cloudwatch:GetMetricData is missing" });
  });

  it("that are all missing are each named", async () => {
    await fakeAws();
    expect(problemsOf(await readStatus()).map(({ problem }) => problem.replace(/.*: /, ""))).toEqual([
      "the permission ecs:DescribeServices is missing",
      "the permission cloudwatch:GetMetricData is missing",
      "the permission ecs:ListContainerInstances is missing",
      "the permission ecs:DescribeClusters is missing",
    ]);
  });

  it("that it uses are those in docs/operations.md", async () => {
    const page = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");
    const policy = JSON.parse(/```json\n(.*?)```/s.exec(page)![1]) as { Statement: { Action: string[] }[] };
    const called = await fakeAws({ ...EMPTY, DescribeContainerInstances: { containerInstances: [] } });
    await readStatus();
    const listed = policy.Statement.flatMap(({ Action }) => Action);
    expect(listed).toEqual(expect.arrayContaining([...called]));
    expect(called.size).toBeGreaterThan(12);
  });
});

describe("the command", () => {
  /** Runs a command as a user does. */
  async function run(script: string, ...args: string[]) {
    const child = spawn("node_modules/.bin/tsx", [`scripts/${script}.ts`, ...args], { cwd: ROOT });
    const [out, err, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise((resolve) => child.once("exit", resolve)),
    ]);
    return { out, err, code };
  }

  it("prints the status as JSON, and exits with 1 if there is a problem", async () => {
    await fakeAws(EMPTY);
    const { out, err, code } = await run("status", "--stack", "dev", "--json");
    const found = JSON.parse(out) as Status & { ok: boolean; problems: object[] };
    expect(err).toBe("");
    expect(found).toMatchObject({ ok: false, stack: "dev", platform: "aws" });
    expect(found.problems.length).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  it("with wrong options exits with 2 and one sentence", async () => {
    const { err, code } = await run("logs", "--stack", "dev", "api", "--since", "soon");
    expect(err).toMatch(/^--since soon: use a number with the unit/);
    expect(code).toBe(2);
  });

  it("says that a stack is not deployed", async () => {
    await fakeAws({ DescribeClusters: { clusters: [] } });
    await expect(openStack("dev").then(awsStatus)).rejects.toThrow(
      /^--stack dev: the region test-\d+ has no ECS cluster spatialforge-dev\. Deploy the stack with `pulumi up --stack dev`, or check aws:region\.$/,
    );
  });
});

it("without a terminal, --watch prints a status when something has changed", async () => {
  vi.useFakeTimers();
  const reads = [status(), status({ time: "2026-03-02T14:15:05.000Z" }), status({ deployments: { data: [failed()] } })];
  const printed: string[] = [];
  const read = async () => reads.shift() ?? Promise.reject(new Error("the end"));
  const ended = watch({
    read,
    format: ({ time }) => time,
    print: (line) => void printed.push(line),
    isTerminal: false,
  });
  const expected = expect(ended).rejects.toThrow("the end");
  await vi.advanceTimersByTimeAsync(20_000);
  await expected;
  expect(printed).toEqual([NOW, NOW]);
  vi.useRealTimers();
  process.removeAllListeners("SIGINT");
});

describe("on this machine", () => {
  const container = (service: string, State: object, more: object = {}) => ({
    service,
    info: {
      Id: service,
      RestartCount: 0,
      State: { Running: true, Status: "running", ...State },
      Config: { Image: `r@${DIGEST}` },
      ...more,
    },
  });

  it("has the health of each container", async () => {
    vi.stubEnv("SPATIALFORGE_ID", "1");
    const health = { Status: "unhealthy", Log: [{ Output: "Redis does not respond\n" }] };
    const containers = [
      container("api", { Health: { Status: "healthy" } }),
      container("worker", { Health: health }),
      container("redis", { Running: false, Status: "exited", ExitCode: 137 }),
    ];
    await fakeEngine({
      "/_ping": Buffer.from("OK"),
      "/containers/json": containers.map(({ service }) => ({ Id: service, Labels: { [LABELS.service]: service } })),
      ...Object.fromEntries(containers.map(({ service, info }) => [`/containers/${service}/json`, info])),
    });
    const stack = await openStack("local");
    const found = await localStatus({ ...stack, name: "test", settings: { ...stack.settings, registryPort: 9 } });
    expect(problemsOf(found)).toEqual([
      {
        problem: "worker: the container is unhealthy (Redis does not respond)",
        next: "npm run logs -- --stack test worker --since 1h",
      },
      { problem: "beat: the container does not exist", next: "npm run up" },
      {
        problem: "redis: the container is exited (exit code 137)",
        next: "npm run logs -- --stack test redis --since 1h",
      },
    ]);
    expect(screen(found, []).split("\n").slice(2)).toEqual([
      "role    desired  running  healthy  release     digest",
      "api           1        1        1  no release  abababababab",
      "worker        1        1        0  no release  abababababab",
      "beat          1        0        0  no release",
      "other containers: redis exited (exit code 137)",
      "queue: none",
    ]);
  });
});
