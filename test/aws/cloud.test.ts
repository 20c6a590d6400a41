import { randomUUID } from "node:crypto";
import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import {
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  UpdateServiceCommand,
  type ListServiceDeploymentsRequest,
  type ServiceDeploymentBrief,
  type Task,
} from "@aws-sdk/client-ecs";
import { ROLES } from "../../stack/roles";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AwsStack } from "../harness/aws-stack";
import { CloudClient, type Answer } from "../harness/cloud-client";
import { Ecr } from "../harness/ecr";
import { docker, until } from "../harness/engine";
import { Load } from "../harness/load";

const DOMAIN_NAME = "sf.example.org";
const ecr = new Ecr(process.env.LAB_ECR ?? "");
const dev = new AwsStack("dev", ecr, { "spatialforge:aws/worker/minTasks": 1 }, { tasks: true });
const prod = new AwsStack(
  "prod",
  ecr,
  { "spatialforge:aws/loadBalancer/domainName": DOMAIN_NAME, "spatialforge:aws/loadBalancer/waf": false },
  { tasks: true },
);

/** Creates an API key in the container of the API: the load balancer does not forward requests to the administration. */
const CREATE_KEY = `
import json, os, urllib.request
request = urllib.request.Request("http://127.0.0.1:8000/v1/admin/keys?owner=test", method="POST", headers={"X-API-Key": os.environ["ADMIN_API_KEY"]})
print(json.load(urllib.request.urlopen(request))["api_key"])`;

async function tasksOf(stack: AwsStack, serviceName: string): Promise<Task[]> {
  const ecs = new ECSClient(stack.emulator.clientConfig);
  const cluster = `spatialforge-${stack.stack}`;
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
  return (await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))).tasks ?? [];
}

/** Whether an answer is complete and has the usage of the key. */
const isUsage = ({ status, body }: Answer): boolean =>
  status === 200 && (JSON.parse(body.toString()) as { owner?: string }).owner === "test";

/** The service deployments of all roles that are in progress. */
async function deploymentsInProgress(stack: AwsStack): Promise<ServiceDeploymentBrief[]> {
  const ecs = new ECSClient(stack.emulator.clientConfig);
  const request = {
    cluster: `spatialforge-${stack.stack}`,
    status: ["PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS"],
  };
  const lists = ROLES.map(async ({ name }) => {
    const command = new ListServiceDeploymentsCommand({ ...request, service: name } as ListServiceDeploymentsRequest);
    return (await ecs.send(command)).serviceDeployments ?? [];
  });
  return (await Promise.all(lists)).flat();
}

const containerOf = (task: Task): string =>
  docker("ps", "-q", "--filter", `label=spatialforge.emulator.task=${task.taskArn!.split("/").at(-1)}`);

async function createKey(stack: AwsStack): Promise<string> {
  const [task] = await tasksOf(stack, "api");
  return docker("exec", containerOf(task), "python", "-c", CREATE_KEY);
}

beforeAll(() => ecr.start());
afterAll(async () => {
  await dev.stop();
  await prod.stop();
  ecr.stop();
});

describe("dev, with tasks", () => {
  let url = "";
  let client: CloudClient;

  beforeAll(async () => {
    await dev.start();
    await dev.must("stack init");
    await dev.up();
    ({ url } = await dev.outputs());
    client = new CloudClient(dev.emulator).withKey(await createKey(dev));
  });

  it("a request through the load balancer returns a result, and its signed URL answers", async () => {
    const { depth_map_url } = await client.json(`${url}/v1/depth`, {});
    const { status, body } = await new CloudClient(dev.emulator).send(depth_map_url as string);
    expect(status).toBe(200);
    expect(body.subarray(1, 4).toString()).toBe("PNG");
    expect((await client.send(`${url}/metrics`)).status).toBe(404);
  });

  it("a job runs on a worker on a GPU host, and its result is in S3", async () => {
    const { job_id } = await client.json(`${url}/v1/reconstruct`, {});
    let result: { url: string } | undefined;
    await until("the job is complete", 120, async () => {
      const job = await client.json(`${url}/v1/reconstruct/${job_id as string}`);
      result = job.result as { url: string };
      return job.status === "complete";
    });
    expect((await new CloudClient(dev.emulator).send(result!.url)).body.subarray(0, 3).toString()).toBe("ply");
  });

  it("a worker image that does not work fails the update while no worker is wanted, and no service takes the new version", async () => {
    dev.set("spatialforge:aws/worker/minTasks", 0);
    const ecs = new ECSClient(dev.emulator.clientConfig);
    await ecs.send(new UpdateServiceCommand({ cluster: "spatialforge-dev", service: "worker", desiredCount: 0 }));
    const before = { ...(await dev.outputs()), tags: await dev.releaseTags() };
    // Only the images of the API and of beat contain uvicorn.
    dev.edit("sample-app/spatialforge/workers/tasks.py", (text) => `import uvicorn # ${randomUUID()}\n${text}`);
    const { code, text } = await dev.run("up --yes --skip-preview");
    expect(code, text).not.toBe(0);
    expect(text).toMatch(
      /worker: the verification of the image \S+@sha256:\S+ failed: task \w+: Essential container in task exited; worker: exit code 1/,
    );
    expect(text).toMatch(
      /verify worker: import of the application failed .* ModuleNotFoundError: No module named 'uvicorn'/,
    );
    expect(text).toMatch(/No service was updated\. Fix the cause and run `pulumi up` again/);
    expect(text.split("Diagnostics:")[1].match(/the verification of the image/g)).toHaveLength(1);
    for (const role of ["api", "beat"]) expect(await dev.runningImage(role)).toBe(before.images.cpu);
    expect(await dev.runningImage("worker")).toBe(before.images.worker);
    expect(await dev.releaseTags()).toEqual(before.tags);
    dev.edit("sample-app/spatialforge/workers/tasks.py", (text) => text.replace("import uvicorn ", ""));
  });

  it("a code change under load reaches the API, and all requests are answered", async () => {
    dev.edit("sample-app/spatialforge/main.py", (text) =>
      text.replaceAll("SpatialForge sample", "SpatialForge changed"),
    );
    const load = new Load(() => client.send(`${url}/v1/billing/usage`).then(isUsage));
    await dev.up();
    const { sent, failed } = await load.stop();
    console.log(`requests during the update: ${sent}, failed: ${failed}`);
    expect(await client.json(`${url}/`)).toMatchObject({ name: "SpatialForge changed" });
    expect(sent).toBeGreaterThan(100);
    expect(failed).toBe(0);
  });

  it("the images that no service runs were verified on a GPU host, and an update with the same images runs no task", async () => {
    const { verified } = await dev.outputs();
    expect(verified).toEqual({
      api: expect.stringMatching(/^api on ami-\w+$/),
      worker: expect.stringMatching(/^worker on ami-\w+$/),
      cpu: "api on fargate, beat on fargate",
    });
    const text = await dev.up();
    expect(text).not.toMatch(/verifying|verified on/);
    await dev.expectUnchanged();
  });

  it("an API that works for 15 s fails the update with the reason, and the old version answers all requests", async () => {
    const file = "sample-app/spatialforge/main.py";
    const working = dev.read(file);
    dev.set("spatialforge:healthTimeout", 60);
    dev.set("spatialforge:aws/minHealthyTime", 30);
    dev.set("spatialforge:aws/verifyImages", false); // it would fail the update before a service has the new version
    dev.edit(file, (text) =>
      text
        .replace(
          /(?<=@app.get\("\/health"\)\n.*\n)/,
          "    if time.monotonic() - START > 15: raise HTTPException(500)\n",
        )
        .replace(/^(?=import)/m, "import time\nSTART = time.monotonic()\n"),
    );
    expect(dev.read(file)).toMatch(/START = [^]*START > 15/);
    const load = new Load(() => client.send(`${url}/v1/billing/usage`).then(isUsage));
    const { code, text } = await dev.run("up --yes --skip-preview");
    const { sent, failed } = await load.stop();
    console.log(`requests during the failed update: ${sent}, failed: ${failed}`);
    expect(code).not.toBe(0);
    expect(text).toMatch(/api: the new version failed: .*; unhealthy: \/health returned 500/);
    expect(text).toContain("api: the previous version is running");
    expect(sent).toBeGreaterThan(100);
    expect(failed).toBe(0);
    expect(await deploymentsInProgress(dev)).toEqual([]);
    dev.edit(file, () => working);
    dev.set("spatialforge:healthTimeout", 300);
    dev.set("spatialforge:aws/minHealthyTime", 0);
    await dev.up();
    expect((await dev.outputs()).verified).toEqual({
      api: "not verified",
      worker: "not verified",
      cpu: "api on fargate, beat on fargate",
    });
    expect(await dev.runningImage("api")).toBe((await dev.imagesByRole()).api);
  });

  it("destroy leaves no container or volume, and the end of the emulator no network", async () => {
    await dev.must("destroy --yes --skip-preview");
    const label = ["--filter", `label=spatialforge.emulator=${dev.emulator.run}`];
    expect(docker("ps", "-aq", ...label)).toBe("");
    expect(docker("volume", "ls", "-q", ...label)).toBe("");
    await dev.emulator.stop();
    expect(docker("network", "ls", "-q", ...label)).toBe("");
  });
});

describe("prod, with tasks", () => {
  it("serves a request with HTTPS on its domain name, and redirects HTTP", async () => {
    await prod.start();
    await prod.must("stack init");
    const createZone = new CreateHostedZoneCommand({ Name: "example.org", CallerReference: "1" });
    const { HostedZone } = await new Route53Client(prod.emulator.clientConfig).send(createZone);
    prod.set("spatialforge:aws/loadBalancer/hostedZoneId", HostedZone?.Id?.split("/").at(-1));
    await prod.up();
    const { url } = await prod.outputs();
    expect(url).toBe(`https://${DOMAIN_NAME}`);
    const client = new CloudClient(prod.emulator).withKey(await createKey(prod));
    const { depth_map_url } = await client.json(`${url}/v1/depth`, {});
    expect((await new CloudClient(prod.emulator).send(depth_map_url as string)).status).toBe(200);
    expect((await client.send(`http://${DOMAIN_NAME}/health`)).headers.location).toMatch(/^https:/);
    const healthy = (await tasksOf(prod, "api")).filter(({ healthStatus }) => healthStatus === "HEALTHY");
    expect(healthy.length).toBeGreaterThanOrEqual(2);
  });
});
