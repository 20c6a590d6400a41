import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { inSandbox, Sandbox } from "../harness/sandbox";

/** The worker image with a fake NVIDIA driver. */
const WORKER = "spatialforge-test:worker-driver";
const CPU = tagOf("cpu");

let folder = "";
let sandbox: Sandbox;
let redis = "";

beforeAll(async () => {
  await buildImages("worker", "cpu");
  docker("build", "-q", "-t", WORKER, "--build-arg", `IMAGE=${tagOf("worker")}`, "test/images/nvml");
  folder = mkdtempSync("/tmp/spatialforge-torch-");
  chmodSync(folder, 0o755); // the user of the images reads it
  sandbox = new Sandbox();
  [redis] = [sandbox.redis(), sandbox.objects()];
});
afterAll(() => {
  sandbox?.remove();
  if (folder) rmSync(folder, { recursive: true });
});

const lastLine = (text: string): string => text.trim().split("\n").at(-1)!;

/** Lines of the steps. Other lines are the log of the role. */
const steps = (text: string): string[] => text.split("\n").filter((line) => line.startsWith("verify "));

/** Options that add a torch package, which the images of the sample app do not contain. */
function withTorch(name: string, code: string): string[] {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "torch.py"), code);
  return ["-v", `${join(folder, name)}:/torch:ro`, "-e", "PYTHONPATH=/app:/opt/spatialforge:/nvml:/torch"];
}

it("a worker passes all steps, takes no job, and leaves nothing behind", async () => {
  docker("exec", redis, "redis-cli", "lpush", "default", "not a job");
  const { code, text } = await sandbox.once(WORKER, ["verify", "worker"]);
  expect(code, text).toBe(0);
  expect(steps(text)).toEqual([
    expect.stringMatching(/^verify worker: GPU driver: NVIDIA driver 580\.95\.05, number of GPUs: 1 \(\d+\.\d s\)$/),
    expect.stringMatching(/^verify worker: computation on the GPU: left out: this image does not contain torch \(/),
    expect.stringMatching(
      /^verify worker: import of the application: imported spatialforge\.workers\.celery_app with 3 tasks \(/,
    ),
    expect.stringMatching(/^verify worker: Redis: a key was written, read, and deleted \(/),
    expect.stringMatching(/^verify worker: object store: an object in spatialforge was written, read, and deleted \(/),
    expect.stringMatching(/^verify worker: health check: it became healthy, and stopped after SIGTERM \(/),
    expect.stringMatching(/^verify worker: all steps passed/),
  ]);
  expect(docker("exec", redis, "redis-cli", "lrange", "default", "0", "-1")).toBe("not a job");
  expect(docker("exec", redis, "redis-cli", "keys", "*verify-*")).toBe("");
});

it("an API passes all steps", async () => {
  const { code, text } = await sandbox.once(CPU, ["verify", "api"]);
  expect(code, text).toBe(0);
  expect(text).toMatch(/GPU driver: left out: this image requires no GPU/);
  expect(text).toMatch(/import of the application: imported spatialforge\.main:app/);
  expect(text).toMatch(/health check: it became healthy/);
});

const NO_CUDA = "__version__ = '0'\nclass cuda: is_available = staticmethod(lambda: False)";

describe.concurrent("fails with the step and the reason, if", () => {
  it.each<[string, string, Record<string, string>, RegExp]>([
    [
      "a GPU is missing",
      WORKER,
      { FAKE_GPUS: "0" },
      /: GPU driver failed .*: the NVIDIA driver 580\.95\.05 reports no GPU/,
    ],
    [
      "the application does not import",
      CPU,
      { API_KEY_SECRET: "short" },
      /: import of the application failed .*: ValidationError: 1 validation error for Settings api_key_secret String should/,
    ],
    ["Redis refuses a key", CPU, { REDIS_URL: "redis://redis:6379/99" }, /: Redis failed .*ResponseError/],
    [
      "the bucket does not exist",
      CPU,
      { MINIO_BUCKET: "other" },
      /: object store failed .*: an object cannot be written, read, and deleted in other at objects:9000 \(S3Error: .*NoSuchBucket/,
    ],
    [
      "the role ends",
      WORKER,
      { SCALE_IN_PROTECTION: "1", ECS_AGENT_URI: "http://127.0.0.1:9", PROTECTION_EXPIRES_MIN: "x" },
      /: health check failed .*: it ended with exit code 1 before it was healthy$/,
    ],
    [
      "the role does not become healthy",
      CPU,
      { HEALTH_AUTH_ROUTE: "/health", VERIFY_STEP_S: "15" },
      /: health check failed after 15\.\d s: the limit of 15 s expired, and the last check failed: \/health returned 200 for an unknown/,
    ],
  ])("%s", async (_, image, env, reason) => {
    const { code, text } = await sandbox.once(image, ["verify", image === CPU ? "api" : "worker"], env);
    expect(code, text).toBe(1);
    expect(lastLine(text)).toMatch(reason);
  });

  it.each([
    ["torch finds no GPU", NO_CUDA, /: torch 0 finds no GPU: torch\.cuda\.is_available\(\) returned False$/],
    ["torch does not import", "import libcuda", /: ModuleNotFoundError: No module named 'libcuda'$/],
    ["torch crashes", "import os\nos.abort()", /: the process ended by SIGABRT$/],
  ])("%s", async (name, torch, reason) => {
    const { code, text } = await sandbox.once(
      WORKER,
      ["verify", "worker"],
      {},
      withTorch(name.replaceAll(" ", "-"), torch),
    );
    expect(code, text).toBe(1);
    expect(lastLine(text)).toMatch(/^verify worker: computation on the GPU failed after/);
    expect(lastLine(text)).toMatch(reason);
  });
});

it(
  "fails if Redis does not respond",
  inSandbox(async (empty) => {
    const { code, text } = await empty.once(CPU, ["verify", "worker"]);
    expect(code, text).toBe(1);
    expect(lastLine(text)).toMatch(
      /^verify worker: Redis failed after .* s: Redis does not respond at redis:6379 \(ConnectionError\)$/,
    );
  }),
);

it("refuses other roles", async () => {
  const { code, text } = await sandbox.once(CPU, ["verify", "beat"]);
  expect(code).toBe(1);
  expect(lastLine(text)).toBe("spatialforge verify: the role is 'beat': use api or worker");
});
