import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/table";
import { openApp } from "../../stack/source/app";
import { stage } from "../../stack/source/stage";
import { docker, dockerStatus } from "../harness/engine";
import { baseOf, build, tagOf } from "../harness/images";
import { LOCKED } from "../harness/sandbox";

/** A hub whose models are 2 MB, take a moment, and are noted when they are asked for; the one that is called `gone` is not there. */
const HUB = `
import os, pathlib, time

def snapshot_download(repo_id, revision=None):
    home = pathlib.Path(os.environ["HF_HOME"])
    with (home / "asked").open("a") as asked:
        print(repo_id, revision, file=asked)
    if repo_id.endswith("/gone"):
        raise OSError("404: no such model\\nand a long story")
    time.sleep(1)
    folder = home / "hub" / repo_id.replace("/", "--") / (revision or "main")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_bytes(bytes(2_000_000))
    return str(folder)
`;

const cpu = IMAGES.find(({ name }) => name === "cpu")!;
const image = tagOf("cpu");
// Bind mounts are from /tmp: the engine may be on a root of its own.
const hub = mkdtempSync("/tmp/spatialforge-hub-");
const volume = "spatialforge-test-models";
const withHub = ["-v", `${hub}:/hub:ro`, "-e", "PYTHONPATH=/hub:/app:/opt/spatialforge"];

const run = (models: string, ...options: string[]) => [
  ...["run", ...LOCKED, "-v", `${volume}:/models`, "-e", `MODELS=${models}`, ...options, image, "fill-models"],
];
const fill = (models: string, ...options: string[]) => dockerStatus(...run(models, "--rm", ...options));
/** What the hub was asked for. */
const asked = () =>
  docker("run", "--rm", "-v", `${volume}:/models`, image, "cat", "/models/huggingface/asked").split("\n");

beforeAll(async () => {
  const app = await openApp({ path: "sample-app" });
  build(image, "cpu", baseOf(cpu), stage(app, cpu).path);
  writeFileSync(join(hub, "huggingface_hub.py"), HUB);
  chmodSync(hub, 0o755);
});
afterAll(() => rmSync(hub, { recursive: true }));
beforeEach(() => docker("volume", "create", volume));
afterEach(() => docker("volume", "rm", "-f", volume));

it("says that there is nothing to fetch", () => {
  expect(fill(" , ")).toEqual({ code: 0, text: "fill-models: MODELS is empty: nothing to fetch\n" });
});

it("says in one line that the image cannot fetch", () => {
  const { code, text } = fill("owner/depth");
  expect(code).toBe(1);
  expect(text).toBe("fill-models: MODELS is set, but this image has no huggingface_hub, which transformers brings\n");
});

it("fetches each model once, at the revision that is asked for", () => {
  const first = fill("owner/depth, owner/pose@v1", ...withHub);
  expect(first.code, first.text).toBe(0);
  expect(first.text.split("\n")).toEqual([
    expect.stringMatching(/^fill-models: owner\/depth: fetched, 2\.0 MB in 1\.\d s$/),
    expect.stringMatching(/^fill-models: owner\/pose@v1: fetched, 2\.0 MB in 1\.\d s$/),
    "",
  ]);
  const again = fill("owner/depth,owner/pose@v1,owner/pose@v2", ...withHub);
  expect(again.text).toMatch(
    /^fill-models: owner\/depth: already there, 2\.0 MB\nfill-models: owner\/pose@v1: already there, 2\.0 MB\n.*@v2: fetched/,
  );
  expect(asked()).toEqual(["owner/depth None", "owner/pose v1", "owner/pose v2"]);
});

it("by two tasks at once: one fetches, the other waits for it", () => {
  const tasks = [1, 2].map(() => docker(...run("owner/depth", "-d", ...withHub)));
  try {
    expect(tasks.map((task) => docker("wait", task))).toEqual(["0", "0"]);
    const said = tasks.map((task) => docker("logs", task)).sort();
    expect(said[0]).toMatch(/^fill-models: owner\/depth: fetched/);
    expect(said[1]).toBe("fill-models: waiting for another run\nfill-models: owner/depth: already there, 2.0 MB");
    expect(asked()).toEqual(["owner/depth None"]);
  } finally {
    docker("rm", "-f", ...tasks);
  }
});

it("names a model that fails, and fetches the others", () => {
  const { code, text } = fill("owner/gone,owner/depth", ...withHub);
  expect(code).toBe(1);
  expect(text).toContain("fill-models: owner/gone: failed: OSError: 404: no such model\n");
  expect(text).toContain("fill-models: owner/depth: fetched");
  expect(text).toContain("fill-models: not fetched: owner/gone\n");
  expect(fill("owner/gone", ...withHub).code).toBe(1); // what failed is not taken for there
});
