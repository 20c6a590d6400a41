import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { Service, type ServiceArgs } from "../../stack/aws/service/service";
import { AWS, mockedEngine, observe } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const { created, inputsOf } = mockedEngine("dev");

const SERVICE = "aws:ecs/service:Service";

describe("Service", () => {
  const ARGS: ServiceArgs = {
    ...AWS,
    accountId: "1",
    name: "worker",
    family: "sf-worker",
    cluster: { arn: "arn:cluster", name: "sf" },
    image: "repository@sha256:1",
    repository: { arn: pulumi.output("arn:repository"), url: pulumi.output("registry.example/sf") },
    command: ["worker"],
    cpu: 3072,
    memory: 14_336,
    sharedMemorySize: 1024,
    gpuCapacityProvider: "gpu",
    minTasks: 1,
    scaled: true,
    singleton: false,
    stopTimeout: 600,
    environment: { B: "2", A: "1" },
    secrets: { REDIS_URL: { arn: pulumi.output("arn:redis-url"), valueFrom: pulumi.output("arn:redis-url:::1") } },
    subnetIds: ["a", "b"],
    securityGroupId: "worker",
    logRetentionDays: 30,
    dependencies: [],
    start: undefined,
  };

  async function taskOf(args: ServiceArgs) {
    new Service("worker", args);
    const task = (await created("aws:ecs/taskDefinition:TaskDefinition"))["worker-task-definition"];
    return { task, container: JSON.parse(task.containerDefinitions)[0] };
  }

  it("is given up by ECS within 10 minutes if its image never gets healthy", async () => {
    const { container } = await taskOf(ARGS);
    const { startPeriod, retries, interval, timeout } = container.healthCheck;
    const failures = 3; // threshold of the circuit breaker
    expect(failures * (startPeriod + retries * (interval + timeout))).toBeLessThanOrEqual(600);
  });

  it("has a start period, in which failed checks do not count, that exceeds the maximum of aws.minHealthyTime", async () => {
    const { container } = await taskOf(ARGS);
    const { minHealthyTime } = awsSettingsSchema.shape;
    expect(minHealthyTime.safeParse(container.healthCheck.startPeriod).success).toBe(false);
  });

  it("waits longer for its deletion than its tasks take to stop", async () => {
    let deleteTimeout: string | undefined;
    const opts = observe(({ type, opts }) => {
      if (type === SERVICE) deleteTimeout = (opts as pulumi.CustomResourceOptions).customTimeouts?.delete;
    });
    new Service("worker", { ...ARGS, stopTimeout: 7200 }, opts);
    await created(SERVICE);
    expect(deleteTimeout).toBe("8400s");
  });

  it("takes its task definition after the images are verified", async () => {
    const [start, setStart] = pulumi.deferredOutput<unknown>();
    new Service("worker", { ...ARGS, start });
    await vi.waitFor(() =>
      expect(inputsOf("aws:ecs/taskDefinition:TaskDefinition")).toHaveProperty("worker-task-definition"),
    );
    expect(inputsOf(SERVICE)).toEqual({});
    setStart(pulumi.output(undefined));
    expect((await created(SERVICE)).worker.taskDefinition).toBe("arn:worker-task-definition");
  });

  it.each([
    [true, ["desiredCount"]],
    [false, []],
  ])(
    "if Application Auto Scaling sets the number of tasks (%s) Pulumi ignores changes of %j",
    async (scaled, ignored) => {
      let ignoreChanges: string[] | undefined;
      const opts = observe(({ type, opts }) => {
        if (type === SERVICE) ignoreChanges = opts.ignoreChanges;
      });
      new Service("worker", { ...ARGS, scaled }, opts);
      await created(SERVICE);
      expect(ignoreChanges).toEqual(ignored);
    },
  );

  it("runs its image by digest on a GPU instance, with a restricted container", async () => {
    const { task, container } = await taskOf(ARGS);
    expect(task).toMatchObject({ family: "sf-worker", requiresCompatibilities: ["EC2"], networkMode: "awsvpc" });
    expect(container).toMatchObject({
      image: "repository@sha256:1",
      resourceRequirements: [{ type: "GPU", value: "1" }],
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true, sharedMemorySize: 1024 },
      environment: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
      secrets: [{ name: "REDIS_URL", valueFrom: "arn:redis-url:::1" }],
      stopTimeout: 600,
    });
  });

  it("does not stop when CloudWatch Logs cannot be reached", async () => {
    const { container } = await taskOf(ARGS);
    expect(container.logConfiguration.options).toMatchObject({ mode: "non-blocking", "max-buffer-size": "25m" });
  });

  it("runs on Fargate without a GPU", async () => {
    const { task, container } = await taskOf({ ...ARGS, gpuCapacityProvider: undefined, stopTimeout: 30 });
    expect(task.requiresCompatibilities).toEqual(["FARGATE"]);
    expect(container.linuxParameters).not.toHaveProperty("sharedMemorySize"); // Fargate does not support it
    expect(container.resourceRequirements).toEqual([]);
  });

  it("rolls back a failed deployment, and stops the old task of a singleton before it starts the new one", async () => {
    new Service("worker", { ...ARGS, singleton: true });
    expect((await created(SERVICE)).worker).toMatchObject({
      deploymentCircuitBreaker: { enable: true, rollback: true },
      deploymentMinimumHealthyPercent: 0,
      deploymentMaximumPercent: 100,
      availabilityZoneRebalancing: "DISABLED",
    });
  });

  it("allows the start of its tasks, and allows the tasks nothing by default", async () => {
    new Service("worker", ARGS);
    const policies = await created("aws:iam/rolePolicy:RolePolicy");
    expect(Object.keys(policies)).toEqual(["worker-execution"]);
    const statements = statementsOf(policies["worker-execution"].policy);
    expect(statements.filter(({ Resource }) => Resource === "*").map(({ Action }) => Action)).toEqual([
      ["ecr:GetAuthorizationToken"],
    ]);
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
  });
});
