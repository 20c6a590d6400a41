import { beforeAll, expect, it } from "vitest";
import { docker, dockerStatus, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { healthOf, inSandbox, type Sandbox } from "../harness/sandbox";
import { METRICS } from "../../stack/aws/operations/metrics";

/** The GPU image with a fake NVIDIA driver. */
const WITH_DRIVER = "spatialforge-test:gpu-metrics"; // other files run at the same time
const PUBLISHED = {
  METRICS_NAMESPACE: METRICS.namespace,
  METRICS_STACK: "dev",
  METRICS_ROLE: "worker",
  GPU_METRICS_EVERY_S: "1",
};

beforeAll(async () => {
  await buildImages("worker");
  docker("build", "-q", "-t", WITH_DRIVER, "--build-arg", `IMAGE=${tagOf("worker")}`, "test/images/nvml");
});

type Line = Record<string, unknown> & { _aws: { CloudWatchMetrics: { Metrics: { Name: string; Unit: string }[] }[] } };

/** The documents that a container has published. */
const published = (id: string): Line[] =>
  docker("logs", id)
    .split("\n")
    .filter((line) => line.includes("CloudWatchMetrics"))
    .map((line) => JSON.parse(line) as Line);

/** Sum of a metric in all documents. */
const sum = (id: string, metric: string): number =>
  published(id).reduce(
    (total, line) => total + [line[metric] ?? 0].flat().reduce((a: number, b) => a + Number(b), 0),
    0,
  );

const python = (id: string, code: string): string => docker("exec", id, "python", "-c", code);

const worker = (sandbox: Sandbox, env: Record<string, string> = {}): string => {
  sandbox.redis();
  return sandbox.app("worker", WITH_DRIVER, { ...PUBLISHED, ...env });
};

const becomes = (id: string, status: string, line: RegExp) =>
  until(`${status}, ${line}`, 60, () => healthOf(id).status === status && line.test(healthOf(id).line));

/** Prints the resident memory in MiB and the parent of the process that publishes, and the process that the health check would restart. */
const PROCESSES = `
import os, healthcheck
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        command = open(f"/proc/{pid}/cmdline").read()
        if "gpu_metrics.py" in command and int(pid) != os.getpid():
            status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
            print(int(status["VmRSS"].split()[0]) // 1024, status["PPid"].strip(), "celery" in open(f"/proc/{healthcheck.main_process()}/cmdline").read())
    except OSError:
        pass`;

it.concurrent(
  "a role with a GPU publishes its metrics, from a small process beside it that ends with it",
  inSandbox(async (sandbox) => {
    const id = worker(sandbox);
    await until("metrics are published", 30, () => published(id).length > 1);
    const { _aws, ...values } = published(id)[1];
    expect(values).toEqual({
      Stack: "dev",
      Role: "worker",
      GpuUtilization: [37],
      GpuMemoryUsed: [3 * 2 ** 30],
      GpuMemoryTotal: [24 * 2 ** 30],
      GpuTemperature: [51],
      GpuPower: [123.4],
      GpuEccErrors: [0],
      GpuXidErrors: 0,
      GpuErrors: 0,
    });
    const [{ Metrics, ...directive }] = _aws.CloudWatchMetrics;
    expect(directive).toEqual({ Namespace: "SpatialForge", Dimensions: [["Stack", "Role"]] });
    expect(Metrics.map(({ Name }) => Name)).toEqual(Object.keys(values).slice(2));
    await becomes(id, "healthy", /^healthy: worker$/);
    const [memory, parent, isRole] = python(id, PROCESSES).split(" ");
    expect(Number(memory)).toBeLessThan(20);
    expect([parent, isRole]).toEqual(["1", "True"]);
    python(id, "open('/tmp/gpu-ecc', 'w').write('3')");
    await until("the new memory errors are published", 20, () => sum(id, "GpuErrors") === 3);
    expect(sum(id, "GpuEccErrors")).toBe(3);
    docker("stop", "-t", "20", id);
    expect(docker("inspect", "-f", "{{.State.ExitCode}}", id)).toBe("0");
  }),
);

it.concurrent(
  "a fatal Xid error makes the task unhealthy with this reason, one of the application does not",
  inSandbox(async (sandbox) => {
    const id = worker(sandbox);
    await becomes(id, "healthy", /^healthy: worker$/);
    python(id, "open('/tmp/gpu-xid', 'w').write('31')");
    await until("the Xid error is published", 20, () => sum(id, "GpuXidErrors") === 1);
    expect(sum(id, "GpuErrors")).toBe(0);
    expect(healthOf(id).status).toBe("healthy");
    python(id, "open('/tmp/gpu-xid', 'w').write('95')");
    await becomes(id, "unhealthy", /^unhealthy: the GPU reported Xid 95: uncontained memory error$/);
    expect(sum(id, "GpuErrors")).toBe(1);
  }),
);

it.concurrent(
  "a GPU that has fallen off the bus is an unhealthy task with this reason, and is published",
  inSandbox(async (sandbox) => {
    const id = worker(sandbox);
    await becomes(id, "healthy", /^healthy: worker$/);
    python(id, "open('/tmp/gpu-off-bus', 'w')");
    await becomes(
      id,
      "unhealthy",
      /^unhealthy: the GPU has fallen off the bus \(nvmlDeviceGetMemoryInfo returned 15\)$/,
    );
    await until("the error is published", 20, () => sum(id, "GpuErrors") > 0);
  }),
);

it.concurrent(
  "values that the GPU does not have are left out, and several GPUs have a value each",
  inSandbox(async (sandbox) => {
    const id = worker(sandbox, { FAKE_UNSUPPORTED: "1", FAKE_GPUS: "2" });
    await until("metrics are published", 30, () => published(id).length > 0);
    const { _aws, ...values } = published(id)[0];
    expect(values).toMatchObject({ GpuUtilization: [37, 38], GpuErrors: 0 });
    expect(Object.keys(values)).not.toEqual(expect.arrayContaining(["GpuEccErrors"]));
    expect(Object.keys(values)).not.toEqual(expect.arrayContaining(["GpuXidErrors"]));
    expect(_aws.CloudWatchMetrics[0].Metrics.map(({ Name }) => Name)).toEqual(Object.keys(values).slice(2));
  }),
);

it("without a namespace, as on this machine, nothing is published", () => {
  const code = "import os; from entrypoint import main; os.execv = lambda *a: print('started', *a); main(['worker'])";
  const { text } = dockerStatus("run", "--rm", "--entrypoint", "python", WITH_DRIVER, "-c", code);
  expect(text).toMatch(/^started .*celery/m);
  expect(text).not.toContain("gpu_metrics");
});
