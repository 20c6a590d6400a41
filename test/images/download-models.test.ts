import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from "vitest";
import { modelSet } from "../../stack/config/model-set";
import type { Model } from "../../stack/config/models";
import { downloadModels } from "../../stack/docker/model-download";
import { ROOT } from "../../stack/root";
import { docker, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { healthOf, Sandbox } from "../harness/sandbox";

const image = tagOf("cpu");
const volume = "spatialforge-test-models";
// In /tmp, because the engine may have a root file system of its own: bind mounts work from /tmp only.
const folder = mkdtempSync("/tmp/spatialforge-hub-");
/** The real client of the hub, which is a dependency of the application, and not of the sample app. */
const CLIENT = ["-v", `${folder}:/hub:ro`, "-e", "PYTHONPATH=/hub/site:/app:/opt/spatialforge"];

const [A, B] = ["a".repeat(40), "b".repeat(40)];
const SHA = createHash("sha256").update("weights").digest("hex");
const FILE = { url: "http://hub:8080/files/weights.pt", path: "rail/yolo.pt", sha256: SHA };
const WRONG = { ...FILE, sha256: SHA.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) };

let sandbox: Sandbox;
let hub: string;

const variables = (models: Model[]) => ({
  HF_ENDPOINT: "http://hub:8080",
  ...modelSet({ models, requireModels: true }).downloadEnvironment,
});
const onVolume = ["-v", `${volume}:/models`];

/** Downloads models. Returns the exit code, and the output without the name of the command. */
async function download(models: Model[], env: Record<string, string> = {}, options = CLIENT) {
  const { code, text } = await sandbox.once(image, ["download-models"], { ...variables(models), ...env }, [
    ...onVolume,
    ...options,
  ]);
  return { code, text: text.replaceAll("download-models: ", "") };
}

/** Runs Python code as a role that uses a set of models, without a network. Returns its output. */
function asRole(models: Model[], code: string): string {
  const env = Object.entries(modelSet({ models, requireModels: true }).roleEnvironment);
  const options = env.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  return docker("run", "--rm", "--network", "none", ...onVolume, ...CLIENT, ...options, image, "python", "-c", code);
}

/** What the hub was asked for since its start. */
const requests = (): string[] => docker("logs", hub).split("\n");

/** Prints the commit of a model as the application gets it, which names no revision, and the folder of its snapshot. */
const LOAD = `
from huggingface_hub import hf_hub_download, snapshot_download
print(open(hf_hub_download("owner/depth", "config.json")).read(), snapshot_download("owner/depth", local_files_only=True))`;

beforeAll(async () => {
  await buildImages("cpu");
  cpSync(join(ROOT, "test", "images", "hub"), folder, { recursive: true });
  const lock = readFileSync(join(ROOT, "images", "locks", "spatialforge", "heavy.txt"), "utf8");
  const [client] = /^huggingface-hub==\S+/m.exec(lock)!;
  const python = docker("run", "--rm", image, "python", "-c", "import sys; print(*sys.version_info[:2], sep='.')");
  const target = ["--target", join(folder, "site"), "--python-version", python, "--python-platform", "linux"];
  execFileSync("uv", ["pip", "install", "--quiet", "--only-binary", ":all:", ...target, client]);
  chmodSync(folder, 0o755);
  sandbox = new Sandbox();
  hub = sandbox.run("hub", CLIENT, image, "python", "-u", "/hub/server.py");
  await until("the hub listens", 60, () => requests().includes("listening"));
});
afterAll(() => {
  sandbox?.remove();
  rmSync(folder, { recursive: true });
});
beforeEach(() => docker("volume", "create", volume));
afterEach(() => docker("volume", "rm", "-f", volume));

it("does nothing without models", async () => {
  expect(await download([])).toEqual({ code: 0, text: "MODELS is empty: nothing to download\n" });
});

it("reports a missing client in one line", async () => {
  const { code, text } = await download(["owner/depth"], {}, []);
  expect(code).toBe(1);
  expect(text).toMatch(/^the models are on the Hugging Face hub, but this image does not contain huggingface_hub.*\n$/);
});

it("downloads each model once, and lists the volume", async () => {
  const models = ["owner/depth", `owner/pose@v1`, FILE];
  const first = await download(models);
  expect(first.code, first.text).toBe(0);
  const lines = first.text.trimEnd().split("\n");
  expect(lines.slice(0, 4)).toEqual([
    expect.stringMatching(/^owner\/depth: downloaded, 2\.0 MB in \d+\.\d s$/),
    expect.stringMatching(/^owner\/pose@v1: downloaded, 2\.0 MB in \d+\.\d s$/),
    expect.stringMatching(/^rail\/yolo\.pt: downloaded, 0\.0 MB in \d+\.\d s$/),
    "models on the volume: 3",
  ]);
  expect(lines.slice(4).sort()).toEqual([
    `  owner/depth, ${B}, 2.0 MB, in the settings`,
    `  owner/pose@v1, ${A}, 2.0 MB, in the settings`,
    `  rail/yolo.pt, sha256:${SHA}, 0.0 MB, in the settings`,
  ]);
  const before = requests().filter((line) => !line.includes("agent"));
  const second = await download([...models].reverse());
  expect(second.text).toMatch(
    /yolo\.pt: already downloaded.*\nowner\/pose@v1: already downloaded.*\nowner\/depth: already/,
  );
  expect(requests().filter((line) => !line.includes("agent"))).toEqual(before);
});

it("makes a revision the one that an application uses that names none, offline, also after the next version", async () => {
  const [old, next] = [[`owner/depth@${A}`], [`owner/depth@${B}`]];
  for (const models of [old, next]) expect((await download(models)).code).toBe(0);
  for (const [models, commit] of [
    [old, A],
    [next, B],
  ] as const) {
    expect(asRole([...models], LOAD)).toMatch(new RegExp(`"commit": "${commit}".*/snapshots/${commit}$`));
  }
});

it("downloads a model again that is damaged", async () => {
  await download([`owner/depth@${A}`]);
  const weights = `/models/huggingface/hub/models--owner--depth/snapshots/${A}/model.safetensors`;
  const problem = "import model_set; print(model_set.problem())";
  expect(asRole([`owner/depth@${A}`], `open("${weights}", "w").write("x"); ${problem}`)).toMatch(
    /is damaged: the file .* has 1 bytes instead of 2000000$/,
  );
  expect((await download([`owner/depth@${A}`])).text).toContain(": downloaded, 2.0 MB");
  expect(asRole([`owner/depth@${A}`], problem)).toBe("None");
});

it("runs once at a time", async () => {
  const before = requests().length;
  const texts = (await Promise.all([1, 2].map(() => download(["owner/depth"])))).map(({ text }) => text).sort();
  expect(texts.join("")).toMatch(/owner\/depth: downloaded/);
  expect(texts.join("")).toMatch(/owner\/depth: already downloaded/);
  const files = requests()
    .slice(before)
    .filter((line) => line.startsWith("GET /owner/depth/resolve"));
  expect(files).toHaveLength(2); // one for each file
});

describe("a file", () => {
  it("is below MODEL_DIR of the application", async () => {
    await download([FILE]);
    expect(asRole([FILE], `import os; print(open(os.environ["MODEL_DIR"] + "/rail/yolo.pt").read())`)).toBe("weights");
  });

  it("with another checksum fails with both, and is not on the volume", async () => {
    const { code, text } = await download([WRONG, "owner/depth"]);
    expect(code).toBe(1);
    expect(text).toContain(
      `rail/yolo.pt: failed: the checksum is wrong: expected SHA-256 ${WRONG.sha256}, found ${SHA}\n`,
    );
    expect(text).toContain("owner/depth: downloaded"); // the others are downloaded
    expect(text).toContain("not downloaded: rail/yolo.pt\n");
    expect(
      docker("run", "--rm", ...onVolume, image, "python", "-c", "import os; print(os.listdir('/models/files'))"),
    ).toBe("[]");
  });

  it("on S3 is read with the credentials of the task", async () => {
    sandbox.objects();
    const client = `minio.Minio("objects:9000", "for-tests-only", "for-tests-only", secure=False)`;
    const put = `import io, minio; ${client}.put_object("spatialforge", "a/b.pt", io.BytesIO(b"weights"), 7)`;
    await until("the object is stored", 10, async () => (await sandbox.once(image, ["python", "-c", put])).code === 0);
    const keys = { AWS_ACCESS_KEY_ID: "for-tests-only", AWS_SECRET_ACCESS_KEY: "for-tests-only" };
    const env = { MODEL_S3_ENDPOINT: "http://objects:9000", ...keys };
    const onS3 = { ...FILE, url: "s3://spatialforge/a/b.pt" };
    expect((await download([onS3], env)).text).toContain("rail/yolo.pt: downloaded");
    const missing = await download([{ ...WRONG, url: "s3://spatialforge/a/c.pt" }], env);
    expect(missing.text).toContain("rail/yolo.pt: failed: S3 returned NoSuchKey");
  });
});

describe("a model that the hub refuses", () => {
  it("is named, with what is wrong with the token, which is in no log", async () => {
    const without = await download(["owner/gated"]);
    expect(without.text).toMatch(
      /owner\/gated: failed: the hub refuses access \(HTTP 401\).*no token is set.*huggingFaceToken/,
    );
    const wrong = await download(["owner/gated"], { HF_TOKEN: "hf_wrong" });
    expect(wrong.text).toMatch(/owner\/gated: failed: the hub refuses access \(HTTP 403\).*the token has no access/);
    const right = await download(["owner/gated"], { HF_TOKEN: "good" });
    expect([without.code, wrong.code, right.code], right.text).toEqual([1, 1, 0]);
    expect(without.text + wrong.text + right.text).not.toMatch(/hf_wrong|good/);
  });

  it("because it does not exist, or because its content is wrong, does not count as downloaded", async () => {
    const { code, text } = await download(["owner/missing", "owner/broken", "owner/depth@v9"]);
    expect(code).toBe(1);
    expect(text).toMatch(/owner\/missing: failed: the hub does not have this model or revision \(HTTP 404\)/);
    expect(text).toMatch(/owner\/broken: failed: the checksum of config\.json is wrong: expected [0-9a-f]{40}, found/);
    expect(text).toMatch(/owner\/depth@v9: failed: the hub does not have this model or revision/);
    expect(text).toContain("models on the volume: 0\n");
  });
});

describe("the health check without a model", () => {
  const { roleEnvironment } = modelSet({ models: [FILE], requireModels: true });
  const unhealthy = "unhealthy: the model rail/yolo.pt is not on the volume: run `npm run models -- --stack NAME`";

  it("reports it until the download has ended", async () => {
    sandbox.redis();
    sandbox.objects();
    const api = sandbox.app("api", image, roleEnvironment, 1, onVolume);
    try {
      await until("the API is unhealthy", 90, () => healthOf(api).line === unhealthy);
      await download([FILE]);
      await until("the API is healthy", 60, () => healthOf(api).status === "healthy");
    } finally {
      sandbox.end(api);
    }
  });

  it("does not restart the container, which would not help", () => {
    const code = `
import healthcheck, time
healthcheck.STATE.mkdir(parents=True)
healthcheck.CHECKS["api"] = healthcheck.check_models
for _ in range(3):
    time.sleep(0.01)
    print(healthcheck.check("api")[1])`;
    const env = Object.entries({ ...roleEnvironment, HEALTH_RESTART_AFTER_S: "0.001" });
    const options = env.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const lines = docker("run", "--rm", ...onVolume, ...options, image, "python", "-c", code).split("\n");
    expect(lines).toEqual([unhealthy, unhealthy, unhealthy]);
  });
});

it("the download on this machine lists the volume of the stack, and removes its container", async () => {
  const lines: string[] = [];
  const set = modelSet({ models: [], requireModels: true });
  const log = (line: string) => void lines.push(line);
  const code = await downloadModels({ stack: "test", set, image, volume, environment: {}, listOnly: true, log });
  expect([code, lines]).toEqual([0, ["download-models: models on the volume: 0"]]);
  expect(docker("ps", "-aq", "--filter", "label=spatialforge.stack=test")).toBe("");
});
