import { afterEach, expect, it, vi } from "vitest";
import * as deployment from "../../stack/aws/operations/rollout/deployment";
import { verifyStep } from "../../stack/aws/operations/rollout/step";
import { rolloutSteps } from "../../stack/config/services";
import { ROLES } from "../../stack/roles";

vi.mock("../../stack/aws/operations/rollout/deployment");

const target = (service: string) => ({ service, taskDefinition: `${service}:2`, minTasks: 1, stopTimeout: 30 });

/** The services of a step, and those of the other steps. */
const step = (services: string[], updated: string[], waiting: string[]) =>
  verifyStep({ cluster: "sf", targets: services.map(target), updated, waiting, timeout: 1, log: () => undefined });

afterEach(() => vi.resetAllMocks());

it("workers are updated last, after the services that use their results", () => {
  const steps = rolloutSteps();
  const consumers = ROLES.filter(({ queues }) => queues.length > 0).map(({ name }) => name);
  expect(steps.at(-1)).toEqual(consumers);
  expect(steps.flat().sort()).toEqual(ROLES.map(({ name }) => name).sort());
});

it("the services of a step are verified at the same time", async () => {
  const running: string[] = [];
  vi.mocked(deployment.waitForDeployment).mockImplementation(async ({ service }) => {
    running.push(service);
    await vi.waitFor(() => expect(running).toEqual(["api", "beat"]));
  });
  await step(["api", "beat"], [], ["worker"]);
});

it("a service that fails ends the step, and the message says what each service runs", async () => {
  const ended: string[] = [];
  vi.mocked(deployment.waitForDeployment).mockImplementation(async ({ service, signal }) => {
    if (service === "api") throw new Error("api: the new version failed: exit code 3");
    await vi.waitFor(() => expect(signal.aborted).toBe(true));
    ended.push(service);
  });
  const { message } = (await step(["api", "beat"], [], ["worker"]).catch((error: Error) => error)) as Error;
  expect(ended).toEqual(["beat"]);
  expect(message.split("\n")).toEqual([
    "api: the new version failed: exit code 3",
    "beat: the new version is running",
    "worker: it was not updated, because a service before it failed",
    "Fix the cause and run `pulumi up` again, or roll back with spatialforge:release.",
  ]);
});

it("the message of a later step says that the services before it run the new version", async () => {
  vi.mocked(deployment.waitForDeployment).mockRejectedValue(new Error("worker: the new version failed"));
  await expect(step(["worker"], ["api", "beat"], [])).rejects.toThrow(
    "worker: the new version failed\napi: the new version is running\nbeat: the new version is running\nFix",
  );
});
