import type { Deployment, Service } from "@aws-sdk/client-ecs";
import { describe, expect, it, vi } from "vitest";
import { waitForDeployment } from "../../stack/aws/operations/rollout/deployment";
import { deploymentState } from "../../stack/aws/operations/rollout/deployment-state";
import * as clients from "../../stack/clients/aws";
import { cacheTag, releaseOfTag, releaseTag } from "../../stack/registry/tags";

const NEW = "definition:2";
const OLD = "definition:1";
const service = (...deployments: Deployment[]): Service => ({ status: "ACTIVE", deployments });
const primary = (more: Deployment): Deployment => ({
  status: "PRIMARY",
  taskDefinition: NEW,
  desiredCount: 2,
  ...more,
});
const active = (more: Deployment): Deployment => ({ status: "ACTIVE", taskDefinition: OLD, ...more });

describe("the state of a deployment", () => {
  it("is completed if ECS has completed the new deployment", () => {
    expect(deploymentState(service(primary({ rolloutState: "COMPLETED" })), NEW)).toEqual({ kind: "completed" });
  });

  it("is in progress while new tasks start", () => {
    const state = deploymentState(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 1, failedTasks: 1 }), active({ runningCount: 2 })),
      NEW,
    );
    expect(state).toEqual({
      kind: "in-progress",
      draining: false,
      summary: "1 of 2 new tasks are running, 1 failed, 2 old tasks are running",
    });
  });

  it("is in progress while an old task finishes its job", () => {
    const state = deploymentState(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 2 }), active({ runningCount: 1 })),
      NEW,
    );
    expect(state).toMatchObject({
      kind: "in-progress",
      draining: true,
      summary: "2 of 2 new tasks are running, 1 old task is running",
    });
  });

  it.each([
    [
      "ECS rolled back",
      service(
        primary({ taskDefinition: OLD, rolloutState: "IN_PROGRESS" }),
        active({ taskDefinition: NEW, rolloutState: "FAILED", rolloutStateReason: "circuit breaker" }),
      ),
      "circuit breaker",
    ],
    [
      "ECS rolled back and does not list the failed deployment any more",
      service(primary({ taskDefinition: OLD, rolloutState: "COMPLETED", rolloutStateReason: "rolled back" })),
      "rolled back",
    ],
    [
      "the first deployment of the service failed",
      service(primary({ rolloutState: "FAILED", rolloutStateReason: "circuit breaker" })),
      "circuit breaker",
    ],
    ["the service is being deleted", { ...service(primary({})), status: "DRAINING" }, "the service is DRAINING"],
  ])("is failed if %s", (_, state, reason) => {
    expect(deploymentState(state, NEW)).toEqual({ kind: "failed", reason });
  });
});

describe("a task definition that ECS no longer deploys by itself", () => {
  it.each([
    [
      "ECS rolled back to an earlier task definition",
      { ...service(primary({ taskDefinition: OLD, rolloutState: "COMPLETED" })), taskDefinition: OLD },
    ],
    ["the last deployment failed", { ...service(primary({ rolloutState: "FAILED" })), taskDefinition: NEW }],
  ])("is deployed again: %s", async (reason, before) => {
    const updates: object[] = [];
    let current: Service = before;
    class Command {
      constructor(readonly input: object) {}
    }
    class UpdateServiceCommand extends Command {}
    const send = (command: Command) => {
      if (command instanceof UpdateServiceCommand) {
        updates.push(command.input);
        current = { ...service(primary({ rolloutState: "COMPLETED" })), taskDefinition: NEW };
      }
      return Promise.resolve({ services: [current] });
    };
    vi.spyOn(clients, "ecsClient").mockResolvedValue({
      client: { send },
      DescribeServicesCommand: Command,
      UpdateServiceCommand,
    } as never);
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const { signal } = new AbortController();
    await waitForDeployment({ cluster: "sf", service: "beat", taskDefinition: NEW, timeout: 1, log, signal });
    expect(lines).toEqual([`${reason}: starting a new deployment`]);
    expect(updates).toEqual([{ cluster: "sf", service: "beat", taskDefinition: NEW, forceNewDeployment: true }]);
  });
});

it("a release is read from its tags, and from no other tag", () => {
  expect(releaseOfTag(releaseTag("1bf2390-a8c5bd06", "worker"))).toBe("1bf2390-a8c5bd06");
  expect([cacheTag("api"), "release-cpu", "release-1-gpu", "latest"].map(releaseOfTag)).toEqual(
    Array(4).fill(undefined),
  );
});
