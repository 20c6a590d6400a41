import type { Deployment, Service } from "@aws-sdk/client-ecs";
import { describe, expect, it, vi } from "vitest";
import { cacheTag, releaseOf, releaseTag } from "../../stack/release/registry";
import * as clients from "../../stack/aws/clients";
import { follow } from "../../stack/aws/rollout/follow";
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

describe("a service that ECS itself will not deploy any more", () => {
  it.each([
    [
      "went back",
      { ...service(primary({ taskDefinition: OLD, rolloutState: "COMPLETED" })), taskDefinition: OLD },
      "ECS went back to an earlier task definition",
    ],
    [
      "failed at its first deployment",
      { ...service(primary({ rolloutState: "FAILED" })), taskDefinition: NEW },
      "its last deployment failed",
    ],
  ])("is deployed again: it %s", async (_, state, because) => {
    const asked: object[] = [];
    let now: Service = state;
    class Command {
      constructor(readonly input: object) {}
    }
    class UpdateServiceCommand extends Command {}
    const send = (command: Command) => {
      if (command instanceof UpdateServiceCommand) {
        asked.push(command.input);
        now = { ...service(primary({ rolloutState: "COMPLETED" })), taskDefinition: NEW };
      }
      return Promise.resolve({ services: [now] });
    };
    vi.spyOn(clients, "ecs").mockResolvedValue({
      client: { send },
      DescribeServicesCommand: Command,
      UpdateServiceCommand,
    } as never);
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const { signal } = new AbortController();
    await follow({ cluster: "sf", service: "beat", taskDefinition: NEW, timeout: 1, say, signal });
    expect(said).toEqual([`${because}: deploying again`]);
    expect(asked).toEqual([{ cluster: "sf", service: "beat", taskDefinition: NEW, forceNewDeployment: true }]);
  });
});

it("a tag of a release is read as it was made, and no other tag is", () => {
  expect(releaseOf(releaseTag("1bf2390-a8c5bd06", "worker"))).toBe("1bf2390-a8c5bd06");
  expect([cacheTag("api"), "release-cpu", "release-1-gpu", "latest"].map(releaseOf)).toEqual(Array(4).fill(undefined));
});
