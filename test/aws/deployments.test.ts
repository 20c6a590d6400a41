import {
  CreateServiceCommand,
  UpdateServiceCommand,
  type ContainerDefinition,
  type UpdateServiceCommandInput,
} from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APPLICATION } from "../../stack/app/application";
import { imageHealthCheck, secondsUntilUnhealthy } from "../../stack/images/health-check";
import type { RoleName } from "../../stack/roles";
import { CloudClient } from "../harness/cloud-client";
import { until } from "../harness/engine";
import { JobCluster, LOG_GROUP } from "../harness/job-cluster";
import { JobRuns } from "../harness/job-runs";
import { Load } from "../harness/load";
import { createLoadBalancer } from "../harness/load-balancer";
import { stackService, stackTask } from "../harness/stack-service";

const MAX_WORKERS = 3;
const JOBS = 100;
/** Seconds of the shortest and the longest job: 1 and 20 s, five times as short. */
const [SHORTEST_S, LONGEST_S] = [0.2, 4];
/** Longer than the test: a job that a worker loses is never complete. */
const VISIBILITY_TIMEOUT_S = "3600";
/** Number of clients that send requests at the same time. */
const CLIENTS = 4;
/** Which of the five deployments of the API fails. */
const BROKEN = 3;

let cluster: JobCluster;

beforeAll(async () => {
  // During a deployment, old and new workers run side by side.
  cluster = await JobCluster.start({ maxTasks: MAX_WORKERS, maxHosts: 2 * MAX_WORKERS });
});
afterAll(() => cluster?.stop());

const update = (input: UpdateServiceCommandInput) => cluster.ecs.send(new UpdateServiceCommand(input));

/** Seconds between two health checks of a container that is healthy. A check of a worker takes up to 1 s of CPU. */
const CHECK_INTERVAL_S = 30;

/** Registers a version of a role with changes of its container. Returns its ARN. */
async function version(role: RoleName, env = {}, changes: Partial<ContainerDefinition> = {}): Promise<string> {
  const { containerDefinitions, ...task } = await stackTask(role, LOG_GROUP, env);
  const healthCheck = { ...imageHealthCheck(), interval: CHECK_INTERVAL_S };
  return cluster.register({ ...task, containerDefinitions: [{ ...containerDefinitions[0], healthCheck, ...changes }] });
}

/** Waits until the only deployment of a service is complete. Returns its task definition. */
async function deployed(service: string): Promise<string> {
  let taskDefinition = "";
  await until(`${service} is deployed`, 120, async () => {
    const { deployments } = await cluster.service(service);
    taskDefinition = deployments![0].taskDefinition!;
    return deployments!.length === 1 && deployments![0].rolloutState === "COMPLETED";
  });
  return taskDefinition;
}

describe.concurrent("workers", () => {
  /** When each deployment starts, by the number of jobs that are complete, and the number of workers that it sets. */
  const DEPLOYMENTS: { after: number; desiredCount?: number }[] = [
    { after: 1 },
    { after: 15, desiredCount: 2 },
    { after: 30 },
    { after: 45, desiredCount: 1 },
    { after: 60, desiredCount: MAX_WORKERS },
  ];

  it("5 deployments and scaling during 100 jobs: each job runs once, and has one result", async () => {
    const env = { VISIBILITY_TIMEOUT_S };
    const { deploymentConfiguration } = await stackService("worker");
    await cluster.createWorkers(await version("worker", env), { deploymentConfiguration });
    const recorded = new JobRuns(cluster.redis);
    const complete = () => recorded.runs.filter(({ state }) => state === "SUCCESS").length;
    const jobs: string[] = [];
    for (let number = 0; number < JOBS; number++) {
      // 37 has no common divisor with 100: each duration occurs once, and short and long jobs alternate.
      const part = ((number * 37) % JOBS) / (JOBS - 1);
      jobs.push(await cluster.job(SHORTEST_S + part * (LONGEST_S - SHORTEST_S)));
    }
    for (const { after, desiredCount } of DEPLOYMENTS) {
      await until(`${after} jobs are complete`, 120, () => complete() >= after);
      const taskDefinition = await version("worker", env);
      await update({ service: "worker", taskDefinition, forceNewDeployment: true, desiredCount });
    }
    expect(complete()).toBeLessThan(JOBS);
    await until("all jobs are complete", 180, () => complete() >= JOBS);
    await until("no worker is desired", 90, async () => (await cluster.service("worker")).desiredCount === 0);
    await deployed("worker");
    recorded.stop();

    const workers = await cluster.taskArns("worker");
    console.log(`jobs: ${JOBS}, runs: ${recorded.runs.length}, workers: ${workers.length}`);
    expect(workers.length).toBeGreaterThan(DEPLOYMENTS.length);
    expect(recorded.overlaps()).toEqual([]);
    expect(recorded.runs.map(({ job, state }) => `${job} ${state}`).sort()).toEqual(
      jobs.map((job) => `${job} SUCCESS`).sort(),
    );
    expect(cluster.results().sort()).toEqual([...jobs].sort());
  });
});

describe.concurrent("API", () => {
  /** Deploys a container that runs, and in which nothing answers. The times until it is unhealthy are shorter than those of the stack. */
  async function deployBroken(): Promise<void> {
    const healthCheck = { ...imageHealthCheck(), interval: 1, retries: 2, startPeriod: 3 };
    const command = ["python", "-c", "import time; time.sleep(600)"];
    const taskDefinition = await version("api", {}, { command, healthCheck });
    await update({ service: "api", taskDefinition, healthCheckGracePeriodSeconds: secondsUntilUnhealthy(healthCheck) });
  }

  it("5 deployments under a steady load, one of which fails: all requests are answered", async () => {
    const { url, targetGroupArn } = await createLoadBalancer(cluster.emulator);
    const loadBalancers = [{ targetGroupArn, containerName: "api", containerPort: APPLICATION.port }];
    const { healthCheckGracePeriodSeconds, ...more } = await stackService("api");
    const service = { ...more, healthCheckGracePeriodSeconds, serviceName: "api", loadBalancers };
    await cluster.ecs.send(new CreateServiceCommand({ ...service, taskDefinition: await version("api") }));
    await deployed("api");
    const client = new CloudClient(cluster.emulator).withKey(await cluster.apiKey());
    const answers: Record<string, number> = {};
    const request = async (path: string, form?: Record<string, string>) => {
      const status = await client.send(url + path, form).then(
        (answer) => answer.status,
        (error: Error) => error.message,
      );
      answers[status] = (answers[status] ?? 0) + 1;
      return status === 200;
    };
    const loads = [
      ...Array.from({ length: CLIENTS }, () => new Load(() => request("/v1/billing/usage"))),
      new Load(() => request("/v1/depth", {})),
    ];
    try {
      for (let number = 1; number <= 5; number++) {
        const before = await deployed("api");
        if (number === BROKEN) {
          await deployBroken();
          expect(await deployed("api")).toBe(before);
          await update({ service: "api", healthCheckGracePeriodSeconds });
        } else {
          const taskDefinition = await version("api");
          await update({ service: "api", taskDefinition });
          expect(await deployed("api")).toBe(taskDefinition);
        }
      }
    } finally {
      await Promise.all(loads.map((load) => load.stop()));
    }
    const counts = await Promise.all(loads.map((load) => load.stop()));
    const sent = counts.reduce((sum, one) => sum + one.sent, 0);
    const failed = counts.reduce((sum, one) => sum + one.failed, 0);
    console.log(`requests during 5 deployments: ${sent}, failed: ${failed}; answers:`, answers);
    expect(sent).toBeGreaterThan(500);
    expect(failed).toBe(0);
  });
});
