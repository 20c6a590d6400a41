import { CloudWatchClient, PutMetricAlarmCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { awsLog } from "../../scripts/logs/aws";
import { followLog } from "../../scripts/logs/show";
import { openStack } from "../../scripts/operate/stack";
import { awsStatus } from "../../scripts/status/aws/status";
import { dataOf } from "../../scripts/status/model";
import { problemsOf } from "../../scripts/status/problems";
import { screen } from "../../scripts/status/screen";
import { cacheTag } from "../../stack/registry/tags";
import { CloudServices, TASK_IMAGE } from "../harness/cloud-services";
import { Emulator } from "../harness/emulator";
import { docker, until } from "../harness/engine";
import { createGpuProvider } from "../harness/gpu-provider";

const STACK = "spatialforge-dev";
const REDIS_NODE = `${STACK}-a1b2c3-001`;
const HEALTHY = "touch /tmp/healthy; sleep 600";
const CRASHES = "echo 'starting version 2'; echo 'ModuleNotFoundError: No module named torch'; exit 3";
const GPU = { resourceRequirements: [{ type: "GPU" as const, value: "1" }] };
const VCPU_LIMIT =
  "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 4 allows";

let emulator: Emulator;
let services: CloudServices;
let cloudWatch: CloudWatchClient;

beforeAll(async () => {
  const image = pushedImage();
  emulator = await Emulator.start({ tasks: true });
  services = await CloudServices.start(emulator, STACK, image);
  cloudWatch = new CloudWatchClient(emulator.clientConfig);
  await recordRelease("v1.2.0-3f2a9c01", image.split("@")[1]);
  await createGpuProvider(emulator, 2, STACK);
  await services.create("api", await services.definition("api", HEALTHY));
  await services.create("worker", await services.definition("worker", HEALTHY, GPU), "gpu");
  await services.create("beat", await services.definition("beat", `echo beat 1; ${HEALTHY}`));
  await redisAlarm();
  await Promise.all(["api", "worker", "beat"].map((name) => services.completed(name)));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await emulator?.stop();
});

/** Pushes the image of the tasks to the emulated registry, because only an image from a registry has a digest. Returns its name with the digest. */
function pushedImage(): string {
  const name = `${process.env.LAB_ECR}/spatialforge-status:${cacheTag("cpu")}`;
  docker("tag", TASK_IMAGE, name);
  docker("push", "-q", name);
  return docker("image", "inspect", "-f", "{{index .RepoDigests 0}}", name);
}

async function recordRelease(id: string, imageDigest: string): Promise<void> {
  const ecr = new ECRClient(emulator.clientConfig);
  await ecr.send(new CreateRepositoryCommand({ repositoryName: STACK }));
  const manifest = { imageManifest: "{}", imageManifestMediaType: "application/vnd.oci.image.manifest.v1+json" };
  const imageTag = `release-${id}-cpu`;
  await ecr.send(new PutImageCommand({ repositoryName: STACK, imageTag, imageDigest, ...manifest }));
}

/** The alarm that each node of Redis has. */
async function redisAlarm(): Promise<void> {
  const topic = `arn:aws:sns:us-east-1:123456789012:${STACK}-alarms`;
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: "alarms-redis-memory-001-1a2b3c4",
      Namespace: "AWS/ElastiCache",
      MetricName: "DatabaseMemoryUsagePercentage",
      Dimensions: [{ Name: "CacheClusterId", Value: REDIS_NODE }],
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 75,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
      AlarmActions: [topic],
    }),
  );
}

/** Minutes before the test in which a value was published. A later one is newer. */
let minutesAgo = 4;

/** Publishes what beat and ElastiCache publish. */
async function publish(jobs: number, age: number, wantedTasks: number, memory = 12): Promise<void> {
  const Timestamp = new Date(Date.now() - minutesAgo-- * 60_000);
  const put = (Namespace: string, dimensions: object, values: object) => {
    const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value: Value as string }));
    const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
      MetricName,
      Value: Value as number,
      Dimensions,
      Timestamp,
    }));
    return cloudWatch.send(new PutMetricDataCommand({ Namespace, MetricData }));
  };
  const values = { Backlog: jobs, BacklogAge: age, WantedTasks: wantedTasks };
  await put("SpatialForge", { Stack: "dev", Role: "worker" }, values);
  await put("AWS/ElastiCache", { CacheClusterId: REDIS_NODE }, { DatabaseMemoryUsagePercentage: memory });
}

const readStatus = async () => awsStatus(await openStack("dev"));

/** The screen of the stack, with the same times and IDs in each run. */
async function screenOf(): Promise<string> {
  const status = await readStatus();
  return screen(status, problemsOf(status))
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2026-03-02 14:15:00")
    .replace(/\b\d+ (s|min) ago/g, "20 s ago")
    .replace(/\bi-[0-9a-f]{17}\b/g, "i-0123456789abcdef0")
    .replace(/\btask [0-9a-f]{32}\b/g, "task 0123456789abcdef0123456789abcdef")
    .replace(/ {2}[0-9a-f]{12}$/gm, "  6f73ead9bfeb")
    .replace(/\(\d+ attempts?,/g, "(1 attempt,");
}

const golden = (name: string) => `status/${name}.txt`;

it("all is well", async () => {
  await publish(1, 0, 1);
  await expect(await screenOf()).toMatchFileSnapshot(golden("healthy"));
});

it("a worker without capacity", async () => {
  await services.update("worker", { desiredCount: 0 });
  await until("the instance is gone", 40, async () => dataOf((await readStatus()).instances).length === 0);
  await publish(3, 140, 1);
  await emulator.withFault("hosts", { mode: "refuse", reason: VCPU_LIMIT }, async () => {
    await services.update("worker", { desiredCount: 1 });
    await until("the reason is known", 30, async () => dataOf((await readStatus()).waiting)[0]?.reasons.length);
    await expect(await screenOf()).toMatchFileSnapshot(golden("no-capacity"));
  });
  await services.completed("worker");
});

it("a full queue", async () => {
  await publish(40, 700, 1, 31);
  await expect(await screenOf()).toMatchFileSnapshot(golden("full-queue"));
});

it("a log is followed across the replacement of a task", async () => {
  const source = await awsLog(await openStack("dev"), "beat");
  const aborter = new AbortController();
  const lines: string[] = [];
  const { signal } = aborter;
  const since = Date.now() - 600_000;
  const followed = followLog({
    source: { ...source, interval: 200 },
    since,
    signal,
    print: (line) => void lines.push(line),
  });
  await until("the line of the first task is shown", 20, () => lines.some((line) => line.endsWith(" beat 1")));
  await services.update("beat", { taskDefinition: await services.definition("beat", `echo beat 2; ${HEALTHY}`) });
  await until("the first task has stopped", 60, () => lines.some((line) => / stopped \(Scaling activity/.test(line)));
  await until("the line of the second task is shown", 20, () => lines.some((line) => line.endsWith(" beat 2")));
  aborter.abort();
  await followed;
  expect(lines.map((line) => line.replace(/^\S+Z /, "").replace(/\b[0-9a-f]{8}\b/g, "ID"))).toEqual([
    "beat 1",
    "-- task ID started",
    "ID beat 2",
    expect.stringMatching(/^-- task ID stopped \(Scaling activity .*; beat: exit code 0\)$/),
  ]);
});

it("a rollout that failed and was rolled back", async () => {
  await publish(1, 0, 1);
  await services.update("api", { taskDefinition: await services.definition("api", CRASHES) });
  await until("ECS has rolled back", 60, async () =>
    dataOf((await readStatus()).deployments).some(({ reason }) => reason.includes("the previous version is running")),
  );
  await services.completed("api");
  await expect(await screenOf()).toMatchFileSnapshot(golden("failed-rollout"));
});
