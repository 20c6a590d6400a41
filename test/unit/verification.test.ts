import type { Task } from "@aws-sdk/client-ecs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readStackConfig } from "../../scripts/stack-file";
import { verifyImage, type VerifyImageArgs } from "../../stack/aws/operations/verification/verify-image";
import { describe as describeImages } from "../../stack/aws/operations/verification/verified-images";
import * as clients from "../../stack/clients/aws";
import { awsSettingsSchema } from "../../stack/config/aws-schema";
import { verificationSpecs } from "../../stack/config/verifications";
import { verifiedTag } from "../../stack/registry/tags";
import { awsPlatform } from "../harness/aws-platform";
import { byName } from "../harness/mocks";

const DIGEST = "sha256:0123456789abcdef";
const IMAGE = `repository@${DIGEST}`;

describe("the images to verify", () => {
  const specs = (aws: object) =>
    verificationSpecs(awsSettingsSchema.parse(aws)).map(
      ({ name, image, gpu, hasService }) => `${name}: ${image}${gpu ? ", gpu" : ""}${hasService ? ", service" : ""}`,
    );

  it("of dev are the worker, which has no minimum of tasks, and the GPU image of the API, which prod runs", () => {
    expect(specs(readStackConfig("dev").aws as object)).toEqual(["worker: worker, gpu, service", "api: api, gpu"]);
  });

  it("of prod are none: its deployments verify all images", () => {
    expect(specs(readStackConfig("prod").aws as object)).toEqual([]);
  });

  it("include the worker whenever its minimum number of tasks is 0", () => {
    expect(specs({ api: { gpu: true }, worker: { minTasks: 0 } })).toEqual(["worker: worker, gpu, service"]);
    expect(specs({ api: { gpu: false }, worker: { minTasks: 1 } })).toEqual(["api: api, gpu"]);
  });
});

describe("the task definition of an image without a service", () => {
  const parsed = async (...args: Parameters<typeof awsPlatform>) => {
    const tasks = byName(await awsPlatform(...args), "aws:ecs/taskDefinition:TaskDefinition");
    const { "api-task-definition": api, "verification-api-task-definition": verification } = tasks;
    return { api, verification };
  };

  it("has a GPU, and the environment and secrets of the service that will run it", async () => {
    const { api, verification } = await parsed("dev");
    const [container, apiContainer] = [verification, api].map((task) => JSON.parse(task.containerDefinitions)[0]);
    expect(verification).toMatchObject({ requiresCompatibilities: ["EC2"], cpu: api.cpu, memory: api.memory });
    expect(container).toMatchObject({
      image: expect.stringMatching(/@sha256:api$/),
      command: ["verify", "api"],
      resourceRequirements: [{ type: "GPU", value: "1" }],
      environment: apiContainer.environment,
      secrets: apiContainer.secrets,
      mountPoints: apiContainer.mountPoints,
    });
    expect(container).not.toHaveProperty("healthCheck");
  });

  it("does not exist if a service runs the image, or if no image is verified", async () => {
    expect((await parsed("prod")).verification).toBeUndefined();
    expect((await parsed("dev", { verifyImages: false })).verification).toBeUndefined();
  });
});

describe("verifyImage", () => {
  const STOPPED: Task = {
    taskArn: "arn:task/1",
    lastStatus: "STOPPED",
    stopCode: "EssentialContainerExited",
    stoppedReason: "Essential container in task exited",
    containerInstanceArn: "arn:container-instance/1",
    containers: [{ name: "worker", exitCode: 0 }],
  };
  const TAG = verifiedTag(DIGEST, "worker", "ami-new");

  afterEach(() => vi.restoreAllMocks());

  /** Runs `verifyImage` with an ECS that returns the task in these states, one after the other. */
  async function run(
    states: Partial<Task>[],
    { tags = {}, ami = "ami-new", timeout = 9, failures = [] as object[] }: Record<string, any> = {}, // eslint-disable-line @typescript-eslint/no-explicit-any
  ) {
    const sent: { name: string; input: any }[] = []; // eslint-disable-line @typescript-eslint/no-explicit-any
    const answers: Record<string, () => object> = {
      RunTask: () => ({ tasks: states.slice(0, 1), failures }),
      DescribeTasks: () => ({ tasks: states.splice(0, 1) && states.slice(0, 1) }),
      StopTask: () => ({}),
      DescribeContainerInstances: () => ({
        containerInstances: [{ attributes: [{ name: "ecs.ami-id", value: ami }] }],
      }),
      DescribeTaskDefinition: () => ({
        taskDefinition: { containerDefinitions: [{ name: "worker", logConfiguration: { options: {} } }] },
      }),
    };
    const send = ({ name, input }: { name: string; input: object }) => {
      sent.push({ name, input });
      return Promise.resolve(answers[name]());
    };
    const commands = Object.keys(answers).map((name) => {
      return [`${name}Command`, function (input: object) { return { name, input }; }]; // prettier-ignore
    });
    vi.spyOn(clients, "ecsClient").mockResolvedValue({ client: { send }, ...Object.fromEntries(commands) } as never);
    const events = [{ message: "verify worker: Redis failed after 0.1 s: Redis does not respond" }];
    const logs = { send: () => Promise.resolve({ events }) };
    vi.spyOn(clients, "logsClient").mockResolvedValue({ client: logs, GetLogEventsCommand: Object } as never);
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 1000 });
    const warnings: string[] = [];
    const stored: Record<string, string> = { ...tags };
    const args: VerifyImageArgs = {
      role: "worker",
      process: "worker",
      image: IMAGE,
      host: "ami-new",
      gpu: true,
      cluster: "sf",
      taskDefinition: "definition:2",
      containerName: "worker",
      capacityProvider: "gpu",
      subnetIds: ["a"],
      securityGroupIds: ["sg"],
      timeout,
      log: () => undefined,
      warn: (line) => void warnings.push(line),
      registry: {
        digest: (tag) => Promise.resolve(stored[tag]),
        tag: (digest, tag) => Promise.resolve(void (stored[tag] = digest)),
      },
    };
    try {
      const host = await verifyImage(args).catch((error: Error) => error.message);
      return { host, sent, warnings, tags: stored };
    } finally {
      vi.useRealTimers();
    }
  }

  it("runs the image once where it will run, and records the digest, the role, and the AMI", async () => {
    const { host, sent, tags, warnings } = await run([{ ...STOPPED, lastStatus: "PROVISIONING" }, STOPPED]);
    expect(sent[0]).toEqual({
      name: "RunTask",
      input: {
        cluster: "sf",
        taskDefinition: "definition:2",
        capacityProviderStrategy: [{ capacityProvider: "gpu", weight: 1 }],
        networkConfiguration: {
          awsvpcConfiguration: { subnets: ["a"], securityGroups: ["sg"], assignPublicIp: "DISABLED" },
        },
        overrides: { containerOverrides: [{ name: "worker", command: ["verify", "worker"] }] },
        startedBy: "verification",
      },
    });
    expect(host).toBe("ami-new");
    expect(tags).toEqual({ "verified-0123456789ab-worker-ami-new": DIGEST });
    expect(warnings).toEqual([]);
  });

  it("runs nothing if the registry has a result for the digest on this AMI", async () => {
    const { host, sent } = await run([STOPPED], { tags: { [TAG]: DIGEST } });
    expect(host).toBe("ami-new");
    expect(sent).toEqual([]);
  });

  it.each([
    ["another AMI", { [verifiedTag(DIGEST, "worker", "ami-old")]: DIGEST }],
    ["another role", { [verifiedTag(DIGEST, "api", "ami-new")]: DIGEST }],
    ["another digest with the same start", { [TAG]: `${DIGEST}00` }],
  ])("a result of %s does not count", async (_, tags) => {
    expect((await run([STOPPED], { tags })).sent[0].name).toBe("RunTask");
  });

  it("records the AMI of the host, and warns if new instances have another one", async () => {
    const { host, tags, warnings } = await run([STOPPED], { ami: "ami-old" });
    expect(host).toBe("ami-old");
    expect(Object.keys(tags)).toEqual(["verified-0123456789ab-worker-ami-old"]);
    expect(warnings).toEqual([
      "the image was verified on ami-old, but new instances have the AMI ami-new: the next update verifies it again",
    ]);
  });

  it("fails with the reason, the exit code, and the last log lines", async () => {
    const failed = { ...STOPPED, containers: [{ name: "worker", exitCode: 1 }] };
    const { host, tags } = await run([failed]);
    expect(host).toBe(
      [
        `worker: the verification of the image ${IMAGE} failed: task 1: Essential container in task exited; worker: exit code 1`,
        "The last lines of the log:",
        "  verify worker: Redis failed after 0.1 s: Redis does not respond",
        "No service was updated. Fix the cause and run `pulumi up` again, or roll back with spatialforge:release. To deploy without a verification, set spatialforge:aws.verifyImages to false.",
      ].join("\n"),
    );
    expect(tags).toEqual({});
  });

  it("fails if the task never ran its container", async () => {
    const { host } = await run([
      { ...STOPPED, stopCode: "TaskFailedToStart", stoppedReason: "no image", containers: [] },
    ]);
    expect(host).toMatch(/ failed: task 1: no image$/m);
  });

  it("fails if ECS starts no task", async () => {
    const { host } = await run([], { failures: [{ reason: "RESOURCE:GPU", detail: "no host" }] });
    expect(host).toMatch(/ failed: ECS did not start the task: RESOURCE:GPU: no host$/m);
  });

  it("stops the task after the timeout", async () => {
    const waiting = { ...STOPPED, lastStatus: "PROVISIONING" };
    const { host, sent } = await run(Array(9).fill(waiting), { timeout: 5 });
    expect(host).toMatch(
      / failed: the timeout expired \(spatialforge:healthTimeout, 5 s\): the task waits for a host \(PROVISIONING\)$/m,
    );
    expect(sent.at(-1)).toMatchObject({ name: "StopTask", input: { cluster: "sf", task: "arn:task/1" } });
  });
});

it("the output says where each image was verified, or that it was not", () => {
  const results = [
    { image: "cpu", role: "api", host: "fargate" },
    { image: "cpu", role: "beat", host: "fargate" },
    { image: "worker", role: "worker" },
  ] as const;
  expect(describeImages({ api: "a", worker: "w", cpu: "c" }, results)).toEqual({
    api: "not verified",
    worker: "not verified",
    cpu: "api on fargate, beat on fargate",
  });
});
