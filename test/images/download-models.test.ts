import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { docker, dockerStatus } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { RESTRICTED } from "../harness/sandbox";

/** A replacement for the Hugging Face client. It records requests and creates models of 2 MB after 1 s. The model `missing` does not exist. */
const HUB = `
import os, pathlib, time

def snapshot_download(repo_id, revision=None):
    home = pathlib.Path(os.environ["HF_HOME"])
    with (home / "requests").open("a") as requests:
        print(repo_id, revision, file=requests)
    if repo_id.endswith("/missing"):
        raise OSError("404: no such model\\nand more lines")
    time.sleep(1)
    folder = home / "hub" / repo_id.replace("/", "--") / (revision or "main")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_bytes(bytes(2_000_000))
    return str(folder)
`;

const image = tagOf("cpu");
// In /tmp, because the engine may have a root file system of its own: bind mounts work from /tmp only.
const hub = mkdtempSync("/tmp/spatialforge-hub-");
const volume = "spatialforge-test-models";
const withHub = ["-v", `${hub}:/hub:ro`, "-e", "PYTHONPATH=/hub:/app:/opt/spatialforge"];

const run = (models: string, ...options: string[]) => [
  ...["run", ...RESTRICTED, "-v", `${volume}:/models`, "-e", `MODELS=${models}`, ...options, image, "download-models"],
];
const download = (models: string, ...options: string[]) => dockerStatus(...run(models, "--rm", ...options));
const requests = () =>
  docker("run", "--rm", "-v", `${volume}:/models`, image, "cat", "/models/huggingface/requests").split("\n");

beforeAll(async () => {
  await buildImages("cpu");
  writeFileSync(join(hub, "huggingface_hub.py"), HUB);
  chmodSync(hub, 0o755);
});
afterAll(() => rmSync(hub, { recursive: true }));
beforeEach(() => docker("volume", "create", volume));
afterEach(() => docker("volume", "rm", "-f", volume));

it("does nothing without models", () => {
  expect(download(" , ")).toEqual({ code: 0, text: "download-models: MODELS is empty: nothing to download\n" });
});

it("reports a missing client in one line", () => {
  const { code, text } = download("owner/depth");
  expect(code).toBe(1);
  expect(text).toBe(
    "download-models: MODELS is set, but this image does not contain huggingface_hub, a dependency of transformers\n",
  );
});

it("downloads each model once, at the given revision", () => {
  const first = download("owner/depth, owner/pose@v1", ...withHub);
  expect(first.code, first.text).toBe(0);
  expect(first.text.split("\n")).toEqual([
    expect.stringMatching(/^download-models: owner\/depth: downloaded, 2\.0 MB in 1\.\d s$/),
    expect.stringMatching(/^download-models: owner\/pose@v1: downloaded, 2\.0 MB in 1\.\d s$/),
    "",
  ]);
  const second = download("owner/depth,owner/pose@v1,owner/pose@v2", ...withHub);
  expect(second.text).toMatch(
    /^download-models: owner\/depth: already downloaded, 2\.0 MB\ndownload-models: owner\/pose@v1: already downloaded, 2\.0 MB\n.*@v2: downloaded/,
  );
  expect(requests()).toEqual(["owner/depth None", "owner/pose v1", "owner/pose v2"]);
});

it("runs once at a time", () => {
  const tasks = [1, 2].map(() => docker(...run("owner/depth", "-d", ...withHub)));
  try {
    expect(tasks.map((task) => docker("wait", task))).toEqual(["0", "0"]);
    const logs = tasks.map((task) => docker("logs", task)).sort();
    expect(logs[0]).toMatch(/^download-models: owner\/depth: downloaded/);
    expect(logs[1]).toBe(
      "download-models: waiting for another run\ndownload-models: owner/depth: already downloaded, 2.0 MB",
    );
    expect(requests()).toEqual(["owner/depth None"]);
  } finally {
    docker("rm", "-f", ...tasks);
  }
});

it("names a failed model and downloads the others", () => {
  const { code, text } = download("owner/missing,owner/depth", ...withHub);
  expect(code).toBe(1);
  expect(text).toContain("download-models: owner/missing: failed: OSError: 404: no such model\n");
  expect(text).toContain("download-models: owner/depth: downloaded");
  expect(text).toContain("download-models: not downloaded: owner/missing\n");
  expect(download("owner/missing", ...withHub).code).toBe(1); // a failed model does not count as downloaded
});
