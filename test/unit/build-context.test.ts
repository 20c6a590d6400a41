import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RUNTIME_FACTS } from "../../stack/app/application";
import { TOOLKIT_DRIVERS } from "../../stack/images/cuda";
import { stage, writeNetrc } from "../../stack/app/build-context";
import { openApp, type AppSource } from "../../stack/app/source";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";

let folder: string;
let app: AppSource;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "build-context-"));
  cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
  app = await openApp({ path: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

const hashes = () => Object.fromEntries(IMAGES.map((image) => [image.name, stage(app, image).hash]));

describe("stage", () => {
  it.each([
    ["the README", () => writeFileSync(join(folder, "README.md"), "new")],
    ["a test", () => writeFileSync(join(folder, "tests", "test_new.py"), "new")],
    ["bytecode", () => cpSync(join(folder, "pyproject.toml"), join(folder, "spatialforge", "__pycache__", "x.pyc"))],
    ["an .env file", () => writeFileSync(join(folder, "spatialforge", ".env"), "SECRET=1")],
    ["the mode of a file", () => chmodSync(join(folder, "spatialforge", "main.py"), 0o600)],
    ["the modification time of a file", () => utimesSync(join(folder, "spatialforge", "main.py"), 1, 1)],
  ])("a change of %s changes no build context", (_, change) => {
    const before = hashes();
    change();
    expect(hashes()).toEqual(before);
  });

  it("a change of the code changes every build context", () => {
    const before = hashes();
    writeFileSync(join(folder, "spatialforge", "main.py"), "new");
    const after = hashes();
    for (const { name } of IMAGES) expect(after[name]).not.toBe(before[name]);
  });

  it("a change of a static file changes the build contexts of the images that serve it", () => {
    const before = hashes();
    writeFileSync(join(folder, "static", "about.html"), "new");
    const after = hashes();
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(["api", "cpu"]);
  });

  it("a build context has only what its image reads", () => {
    for (const image of IMAGES) {
      const { path } = stage(app, image);
      const served = image.servesStaticFiles ? ["served"] : [];
      const shared = ["Dockerfile", "app", "build", "credentials", "locks", "runtime"];
      expect(readdirSync(join(ROOT, path)).sort()).toEqual([...shared, ...served].sort());
      // The build of each image mounts the folder of the CUDA libraries. Only a GPU image has files in it.
      expect(readdirSync(join(ROOT, path, "locks")).sort()).toEqual([...new Set(["cuda", ...image.groups])].sort());
      expect(readdirSync(join(ROOT, path, "locks", "cuda"))).toEqual(image.base === "gpu" ? ["requirements.txt"] : []);
    }
  });

  it("every image gets the facts about the application", () => {
    for (const image of IMAGES) {
      const { path } = stage(app, image);
      const file = join(ROOT, path, "runtime", "opt", "spatialforge", "application.json");
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ ...RUNTIME_FACTS, toolkitDrivers: TOOLKIT_DRIVERS });
    }
  });
});

describe("writeNetrc", () => {
  const NETRC = "machine pypi.example.com login me password hunter2";
  const [image] = IMAGES;
  const fileIn = (path: string) => join(ROOT, path, "credentials", "netrc");

  it("writes a file that only its owner can read, and empties it when the program ends", () => {
    const { path } = stage(app, image);
    writeNetrc(path, NETRC);
    const file = fileIn(path);
    expect(readFileSync(file, "utf8")).toBe(NETRC);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
    process.listeners("exit").at(-1)!(0);
    expect(readFileSync(file, "utf8")).toBe("");
  });

  it("changes no hash, and the next staging removes the credentials", () => {
    const before = stage(app, image);
    writeNetrc(before.path, NETRC);
    expect(stage(app, image)).toEqual(before);
    expect(readFileSync(fileIn(before.path), "utf8")).toBe("");
  });

  it("writes an empty file without credentials, and empties nothing when the program ends", () => {
    const listeners = process.listenerCount("exit");
    const { path } = stage(app, image);
    expect(readFileSync(fileIn(path), "utf8")).toBe("");
    writeNetrc(path, "");
    expect(readFileSync(fileIn(path), "utf8")).toBe("");
    expect(process.listenerCount("exit")).toBe(listeners);
  });
});

describe("openApp", () => {
  it("fails with a remedy if the folder is not an application", async () => {
    await expect(openApp({ path: join(folder, "missing") })).rejects.toThrow(/folder does not exist: set the path/);
    await expect(openApp({ path: join(folder, "tests") })).rejects.toThrow(/no pyproject\.toml/);
    rmSync(join(folder, "spatialforge"), { recursive: true });
    await expect(openApp({ path: folder })).rejects.toThrow(/no package spatialforge/);
  });

  it("finds a lock that does not match, and names the command that fixes it", async () => {
    const file = join(folder, "pyproject.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace('"minio>=7.2.0"', '"minio>=99"'));
    const problems = (await openApp({ path: folder })).lockProblems();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      key: "app",
      value: expect.stringContaining("minio>=99"),
      remedy: expect.stringContaining("npm run lock"),
    });
  });
});
