import type { Deployment, Service, Task } from "@aws-sdk/client-ecs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { waitForDeployment } from "../../stack/aws/operations/rollout/deployment";
import { deploymentState } from "../../stack/aws/operations/rollout/deployment-state";
import * as calls from "../../stack/aws/operations/rollout/service-client";
import { cacheTag, releaseOfTag, releaseTag } from "../../stack/registry/tags";

const NEW = "definition:2";
const OLD = "definition:1";
const TARGET = { deployment: "ecs-svc/2", minTasks: 2 };
const service = (...deployments: Deployment[]): Service => ({ status: "ACTIVE", deployments });
const primary = (more: Deployment): Deployment => ({
  id: "ecs-svc/2",
  status: "PRIMARY",
  taskDefinition: NEW,
  desiredCount: 2,
  ...more,
});
const active = (more: Deployment): Deployment => ({ id: "ecs-svc/1", status: "ACTIVE", taskDefinition: OLD, ...more });
const task = (taskArn: string, more: Task = {}): Task => ({
  taskArn,
  startedBy: "ecs-svc/2",
  lastStatus: "RUNNING",
  healthStatus: "HEALTHY",
  ...more,
});
const oldTask = (taskArn: string) => task(taskArn, { startedBy: "ecs-svc/1" });

/** The service beat, whose new task definition is awaited. */
const beat = () => ({
  cluster: "sf",
  service: "beat",
  taskDefinition: NEW,
  minTasks: 1,
  stopTimeout: 30,
  timeout: 1,
  signal: new AbortController().signal,
});

afterEach(() => vi.restoreAllMocks());

describe("the state of a deployment", () => {
  it("is completed if ECS has completed the new deployment", () => {
    const tasks = [task("a"), task("b")];
    expect(deploymentState(service(primary({ rolloutState: "COMPLETED" })), tasks, TARGET)).toEqual({
      kind: "completed",
    });
  });

  it("is in progress if ECS has completed the deployment while no task was desired, and fewer than the minimum are healthy", () => {
    const [unhealthy] = [task("a", { healthStatus: "UNHEALTHY" })];
    expect(deploymentState(service(primary({ rolloutState: "COMPLETED" })), [unhealthy], TARGET)).toMatchObject({
      kind: "in-progress",
      healthy: false,
    });
  });

  it("is completed while scaling starts more tasks than the minimum", () => {
    const completed = service(primary({ rolloutState: "COMPLETED", desiredCount: 5 }));
    expect(deploymentState(completed, [task("a"), task("b")], TARGET)).toEqual({ kind: "completed" });
  });

  it("counts tasks that are healthy, not tasks that are RUNNING", () => {
    const state = deploymentState(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 2, failedTasks: 1 }), active({ runningCount: 2 })),
      [task("a"), task("b", { healthStatus: "UNKNOWN" }), oldTask("c"), oldTask("d")],
      TARGET,
    );
    expect(state).toEqual({
      kind: "in-progress",
      healthy: false,
      waitsForCapacity: false,
      summary: "1 of 2 new tasks are healthy, 1 failed, 2 old tasks are running",
    });
  });

  it("is in progress while an old task finishes its job", () => {
    const state = deploymentState(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 2 }), active({ runningCount: 1 })),
      [task("a"), task("b"), oldTask("c")],
      TARGET,
    );
    expect(state).toMatchObject({
      healthy: true,
      summary: "2 of 2 new tasks are healthy, 1 old task is running",
    });
  });

  it("is in progress while ECS watches the alarms after the old tasks have stopped", () => {
    const deploymentConfiguration = { alarms: { alarmNames: ["a"], enable: true, rollback: true } };
    const watched = { ...service(primary({ rolloutState: "IN_PROGRESS" })), desiredCount: 2, deploymentConfiguration };
    const summary = (...tasks: Task[]) => deploymentState(watched, tasks, TARGET);
    expect(summary(task("a"), task("b"))).toMatchObject({
      healthy: true,
      summary: "2 of 2 new tasks are healthy, ECS watches the alarms for some minutes",
    });
    expect(summary(task("a"), task("b"), oldTask("c"))).toMatchObject({
      summary: "2 of 2 new tasks are healthy, 1 old task is running",
    });
    expect(summary(task("a"))).toMatchObject({ summary: "1 of 2 new tasks are healthy" });
  });

  it("waits for capacity if a new task waits for an instance", () => {
    const waiting = task("a", { lastStatus: "PROVISIONING", healthStatus: "UNKNOWN" });
    expect(deploymentState(service(primary({ rolloutState: "IN_PROGRESS" })), [waiting], TARGET)).toMatchObject({
      waitsForCapacity: true,
    });
  });

  it.each([
    [
      "ECS rolled back",
      service(
        primary({ id: "ecs-svc/1", taskDefinition: OLD, rolloutState: "IN_PROGRESS" }),
        active({
          id: "ecs-svc/2",
          taskDefinition: NEW,
          rolloutState: "FAILED",
          rolloutStateReason: "circuit breaker",
        }),
      ),
      "circuit breaker",
    ],
    [
      "ECS rolled back and does not list the failed deployment any more",
      service(primary({ id: "ecs-svc/1", rolloutState: "COMPLETED", rolloutStateReason: "rolled back" })),
      "rolled back",
    ],
    [
      "ECS rolled back to a deployment with the same task definition",
      service(primary({ id: "ecs-svc/1", rolloutState: "COMPLETED", rolloutStateReason: "restored" })),
      "restored",
    ],
    [
      "the first deployment of the service failed",
      service(primary({ rolloutState: "FAILED", rolloutStateReason: "circuit breaker" })),
      "circuit breaker",
    ],
    ["the service is being deleted", { ...service(primary({})), status: "DRAINING" }, "the service is DRAINING"],
  ])("is failed if %s", (_, state, reason) => {
    expect(deploymentState(state, [], TARGET)).toEqual({ kind: "failed", reason });
  });
});

describe("a task definition that ECS no longer deploys by itself", () => {
  const completed = { ...service(primary({ rolloutState: "COMPLETED" })), taskDefinition: NEW, desiredCount: 1 };
  it.each([
    [
      "ECS rolled back to an earlier task definition",
      {
        ...service(primary({ taskDefinition: OLD, rolloutState: "COMPLETED" })),
        taskDefinition: OLD,
        desiredCount: 1,
      },
      {},
    ],
    [
      "the last deployment failed",
      { ...service(primary({ rolloutState: "FAILED" })), taskDefinition: NEW, desiredCount: 1 },
      {},
    ],
    ["the service runs no task", { ...completed, desiredCount: 0 }, { desiredCount: 1 }],
  ])("is deployed again: %s", async (reason, before: Service, more) => {
    vi.spyOn(calls, "describeService").mockResolvedValueOnce(before).mockResolvedValue(completed);
    vi.spyOn(calls, "serviceTasks").mockResolvedValue([task("a")]);
    const update = vi.spyOn(calls, "updateService").mockResolvedValue(completed);
    const lines: string[] = [];
    await waitForDeployment({ ...beat(), log: (line) => void lines.push(line) });
    expect(lines).toEqual([`${reason}: starting a new deployment`]);
    expect(update.mock.calls.map(([, changes]) => changes)).toEqual([
      { taskDefinition: NEW, forceNewDeployment: true, ...more },
    ]);
  });
});

it("a deployment is rolled back if ECS does not respond", async () => {
  const inProgress = { ...service(primary({ rolloutState: "IN_PROGRESS" })), taskDefinition: NEW, desiredCount: 1 };
  vi.spyOn(calls, "describeService")
    .mockResolvedValueOnce(inProgress)
    .mockRejectedValueOnce(new Error("the token has expired"))
    .mockResolvedValue(service(primary({ id: "ecs-svc/1", rolloutState: "COMPLETED" })));
  vi.spyOn(calls, "serviceTasks").mockRejectedValue(new Error("the token has expired"));
  await expect(waitForDeployment({ ...beat(), log: () => undefined })).rejects.toThrow(
    "beat: the new version failed: the token has expired\nbeat: the previous version is running",
  );
});

it("a deployment that alarms ended has their names and sections of the runbook in its error", async () => {
  const inProgress = { ...service(primary({ rolloutState: "IN_PROGRESS" })), taskDefinition: NEW, desiredCount: 1 };
  const failed = active({ id: "ecs-svc/2", rolloutState: "FAILED", rolloutStateReason: "failed: alarm detected." });
  const rolledBack = service(primary({ id: "ecs-svc/1", rolloutState: "COMPLETED" }), failed);
  vi.spyOn(calls, "describeService").mockResolvedValueOnce(inProgress).mockResolvedValue(rolledBack);
  vi.spyOn(calls, "serviceTasks").mockResolvedValue([]);
  const triggeredAlarmNames = ["sf-dev-api-deployment-5xx", "of-a-user"];
  vi.spyOn(calls, "latestServiceDeployment").mockResolvedValue({ alarms: { triggeredAlarmNames } });
  await expect(waitForDeployment({ ...beat(), log: () => undefined })).rejects.toThrow(
    [
      "beat: the new version failed: failed: alarm detected.",
      "the alarm sf-dev-api-deployment-5xx was in ALARM. Runbook: docs/operations.md#errors-of-the-api",
      "the alarm of-a-user was in ALARM.",
      "beat: the previous version is running",
    ].join("\n"),
  );
});

it("a release is read from its tags, and from no other tag", () => {
  expect(releaseOfTag(releaseTag("1bf2390-a8c5bd06", "worker"))).toBe("1bf2390-a8c5bd06");
  expect([cacheTag("api"), "release-cpu", "release-1-gpu", "latest"].map(releaseOfTag)).toEqual(
    Array(4).fill(undefined),
  );
});
