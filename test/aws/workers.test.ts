import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DeleteServiceCommand, DescribeTasksCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../harness/engine";
import { JobCluster, LOG_GROUP } from "../harness/job-cluster";
import { MISSING_ALARM, SCALING_ALARM } from "../harness/worker-scaling";

const MAX_TASKS = 8;
/** Seconds after which the job of a lost worker runs again. More than the longest job lasts. */
const VISIBILITY_TIMEOUT_S = 8;

let cluster: JobCluster;

beforeAll(async () => {
  cluster = await JobCluster.start({ maxTasks: MAX_TASKS, maxHosts: MAX_TASKS });
  const env = { SCALE_IN_PROTECTION: "1", VISIBILITY_TIMEOUT_S: String(VISIBILITY_TIMEOUT_S) };
  const resourceRequirements = [{ type: "GPU" as const, value: "1" }];
  await cluster.createWorkers(await cluster.definition("worker", env, { resourceRequirements, stopTimeout: 60 }));
});
afterAll(() => cluster?.stop());

const workers = () => cluster.taskArns("worker");

async function haveStopped(taskArns: string[]): Promise<boolean> {
  const { tasks } = await cluster.ecs.send(new DescribeTasksCommand({ tasks: taskArns }));
  return tasks!.every(({ lastStatus }) => lastStatus === "STOPPED");
}

/** Desired counts that Application Auto Scaling has set, the oldest first. */
const desiredCounts = async (): Promise<number[]> =>
  (await cluster.calls.changes("worker")).map((text) => Number(/\d+/.exec(text)![0]));

/** How often workers wrote a word about a job to their logs: `received` or `succeeded`. */
async function count(word: string, job: string): Promise<number> {
  const logs = new CloudWatchLogsClient(cluster.emulator.clientConfig);
  const command = new FilterLogEventsCommand({ logGroupName: LOG_GROUP, logStreamNamePrefix: "worker", limit: 10_000 });
  const { events = [] } = await logs.send(command);
  return events.filter(({ message }) => message!.includes(`reconstruct_task[${job}] ${word}`)).length;
}

it("a burst of 20 jobs starts 5 workers from 0, each job runs once, and all workers stop; a rollout of beat changes nothing", async () => {
  expect((await cluster.service("worker")).desiredCount).toBe(0);
  const jobs = await Promise.all(Array.from({ length: 20 }, () => cluster.job(3)));
  await until("5 workers run", 90, async () => (await cluster.service("worker")).runningCount === 5);

  await cluster.ecs.send(new UpdateServiceCommand({ service: "beat", forceNewDeployment: true }));
  await until("the rollout of beat is complete", 30, async () => {
    const { deployments, runningCount } = await cluster.service("beat");
    return deployments!.length === 1 && deployments![0].rolloutState === "COMPLETED" && runningCount === 1;
  });
  expect((await cluster.calls.alarm(MISSING_ALARM)).StateValue).toBe("OK");
  expect((await cluster.service("worker")).desiredCount).toBe(5);

  await until("all jobs are complete", 60, () => jobs.every((job) => cluster.state(job) === "SUCCESS"));
  await until("no worker is desired", 60, async () => (await cluster.service("worker")).desiredCount === 0);
  await until("all workers have stopped", 60, async () => haveStopped(await workers()));
  const counts = await desiredCounts();
  expect(Math.max(...counts)).toBe(5);
  const out = counts.slice(0, counts.indexOf(5) + 1);
  expect(counts).toEqual([...out.sort((a, b) => a - b), ...counts.slice(out.length).sort((a, b) => b - a)]);
  expect(await workers()).toHaveLength(5);
  for (const job of jobs) {
    expect([await count("received", job), await count("succeeded", job)], job).toEqual([1, 1]);
  }
});

it("a host that dies under a running job: the job has exactly one result, from another worker", async () => {
  await until("no worker is desired", 60, async () => (await cluster.service("worker")).desiredCount === 0);
  const [before, earlier] = [(await desiredCounts()).length, await workers()];
  const job = await cluster.job(4);
  await until("the job runs", 60, () => cluster.state(job) === "STARTED");
  const [taskArn] = (await workers()).filter((arn) => !earlier.includes(arn));
  await cluster.emulator.withFault("hosts", { mode: "die" }, () =>
    until("the worker has stopped", 20, () => haveStopped([taskArn])),
  );
  expect(cluster.state(job)).toBe("STARTED");
  await until("the job is complete", 90, () => cluster.state(job) === "SUCCESS");
  expect([await count("received", job), await count("succeeded", job)]).toEqual([2, 1]);
  await until("no worker is desired", 60, async () => (await cluster.service("worker")).desiredCount === 0);
  expect((await desiredCounts()).slice(before)).toEqual([1, 0]); // the unacknowledged job kept one worker
});

// The last test: it ends the metric.
it("without beat, the number of workers stays as it is, and an alarm reports it", async () => {
  await cluster.ecs.send(new DeleteServiceCommand({ service: "beat", force: true }));
  await until(
    "the alarm has no data",
    60,
    async () => (await cluster.calls.alarm(SCALING_ALARM)).StateValue === "INSUFFICIENT_DATA",
  );
  await cluster.ecs.send(new UpdateServiceCommand({ service: "worker", desiredCount: 1 }));
  await until("an alarm reports it", 60, async () => (await cluster.calls.alarm(MISSING_ALARM)).StateValue === "ALARM");
  expect((await cluster.service("worker")).desiredCount).toBe(1);
});
