import type { Deployment, Service } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { cacheTag, releaseOf, releaseTag } from "../../stack/release/registry";
import { verdict } from "../../stack/aws/rollout/verdict";

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

describe("a service's state", () => {
  it("is done when the new deployment is complete", () => {
    expect(verdict(service(primary({ rolloutState: "COMPLETED" })), NEW)).toEqual({ kind: "done" });
  });

  it("is progress while new tasks start", () => {
    const state = verdict(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 1, failedTasks: 1 }), active({ runningCount: 2 })),
      NEW,
    );
    expect(state).toEqual({
      kind: "progress",
      draining: false,
      line: "1 of 2 new tasks run, 1 failed, 2 old ones run",
    });
  });

  it("is progress while an old task finishes its job", () => {
    const state = verdict(
      service(primary({ rolloutState: "IN_PROGRESS", runningCount: 2 }), active({ runningCount: 1 })),
      NEW,
    );
    expect(state).toMatchObject({ kind: "progress", draining: true, line: "2 of 2 new tasks run, 1 old one runs" });
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
      "ECS rolled back, and the failed deployment is gone from its list",
      service(primary({ taskDefinition: OLD, rolloutState: "COMPLETED", rolloutStateReason: "rolled back" })),
      "rolled back",
    ],
    [
      "the first deployment of all failed",
      service(primary({ rolloutState: "FAILED", rolloutStateReason: "circuit breaker" })),
      "circuit breaker",
    ],
    ["the service is being deleted", { ...service(primary({})), status: "DRAINING" }, "the service is DRAINING"],
  ])("is a failure when %s", (_, state, reason) => {
    expect(verdict(state, NEW)).toEqual({ kind: "failed", reason });
  });
});

it("a tag of a release is read as it was made, and no other tag is", () => {
  expect(releaseOf(releaseTag("1bf2390-a8c5bd06", "worker"))).toBe("1bf2390-a8c5bd06");
  expect([cacheTag("api"), "release-cpu", "release-1-gpu", "latest"].map(releaseOf)).toEqual(Array(4).fill(undefined));
});
