import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RUNTIME_FACTS } from "../../stack/app/application";
import { TOOLKIT_DRIVERS } from "../../stack/images/cuda";
import { stage, writeNetrc } from "../../stack/app/build-context";
import { writeBuildNetwork } from "../../stack/app/build-network";
import { CONTEXT_PARTS, type ContextPart } from "../../stack/app/context-parts";
import { EPOCH } from "../../stack/app/epoch";
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

/** Adds a file to the package. */
function add(path: string, content: string): void {
  const file = join(folder, "spatialforge", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function edit(path: string, change: (text: string) => string): void {
  const file = join(folder, path);
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

const hashes = () => Object.fromEntries(IMAGES.map((image) => [image.name, stage(app, image).hash]));

describe("stage", () => {
  it.each([
    ["the README", () => writeFileSync(join(folder, "README.md"), "new")],
    ["a test", () => writeFileSync(join(folder, "tests", "test_new.py"), "new")],
    ["bytecode", () => cpSync(join(folder, "pyproject.toml"), join(folder, "spatialforge", "__pycache__", "x.pyc"))],
    ["an .env file", () => writeFileSync(join(folder, "spatialforge", ".env"), "SECRET=1")],
    ["an .env.local file", () => writeFileSync(join(folder, "spatialforge", ".env.local"), "SECRET=1")],
    ["the description", () => edit("pyproject.toml", (text) => text.replace(/^description = .*$/m, ""))],
    ["the read permissions of a file", () => chmodSync(join(folder, "spatialforge", "main.py"), 0o600)],
    ["the modification time of a file", () => utimesSync(join(folder, "spatialforge", "main.py"), 1, 1)],
  ])("a change of %s changes no build context", (_, change) => {
    const before = hashes();
    change();
    expect(hashes()).toEqual(before);
  });

  it.each([
    ["the code", () => add("main.py", "new")],
    ["a prompt in Markdown", () => add("prompts/system.md", "new")],
    ["a module with the name test", () => add("test.py", "new")],
    ["a package with the name tests", () => add("tests/__init__.py", "new")],
    ["a folder with a leading dot", () => add("static/.well-known/security.txt", "new")],
    ["the execute bit of a file", () => chmodSync(join(folder, "spatialforge", "main.py"), 0o755)],
    ["the version", () => edit("pyproject.toml", (text) => text.replace('version = "0.1.0"', 'version = "0.2.0"'))],
  ])("a change of %s changes every build context", async (_, change) => {
    const before = hashes();
    change();
    app = await openApp({ path: folder });
    const after = hashes();
    for (const { name } of IMAGES) expect(after[name]).not.toBe(before[name]);
  });

  it("ships all files of the package but those in the table, and keeps execute bits", () => {
    const shipped = ["prompts/system.md", "test/__init__.py", "static/.well-known/security.txt", "bin/tool"];
    const leftOut = [".env", ".git/config", "__pycache__/main.pyc", ".DS_Store", "sub/.venv/x"];
    for (const file of [...shipped, ...leftOut]) add(file, "content");
    chmodSync(join(folder, "spatialforge", "bin", "tool"), 0o700);
    const root = join(ROOT, stage(app, IMAGES[0]).path, "app", "app", "spatialforge");
    expect(shipped.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(leftOut.filter((file) => existsSync(join(root, file)))).toEqual([]);
    expect(statSync(join(root, "bin", "tool")).mode & 0o777).toBe(0o755);
    expect(statSync(join(root, "main.py")).mode & 0o777).toBe(0o644);
  });

  it("writes the .dist-info of the application beside the package", () => {
    const root = join(ROOT, stage(app, IMAGES[0]).path, "app", "app");
    expect(readdirSync(root).sort()).toEqual(["sample_app-0.1.0.dist-info", "spatialforge"]);
    expect(readFileSync(join(root, "sample_app-0.1.0.dist-info", "METADATA"), "utf8")).toContain("Version: 0.1.0\n");
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
      const shared = ["Dockerfile", "app", "build", "credentials", "locks", "network", "runtime"];
      expect(readdirSync(join(ROOT, path)).sort()).toEqual([...shared, ...served].sort());
      // The build of each image mounts the folder of the CUDA libraries. Only a GPU image has files in it.
      expect(readdirSync(join(ROOT, path, "locks")).sort()).toEqual([...new Set(["cuda", ...image.groups])].sort());
      expect(readdirSync(join(ROOT, path, "locks", "cuda"))).toEqual(image.base === "gpu" ? ["requirements.txt"] : []);
    }
  });

  it("a package in src/ is built like one next to pyproject.toml", async () => {
    const flat = hashes();
    mkdirSync(join(folder, "src"));
    for (const name of ["spatialforge", "static"]) renameSync(join(folder, name), join(folder, "src", name));
    app = await openApp({ path: folder });
    expect(hashes()).toEqual(flat);
  });

  it("files to keep change the context of the group that contains the package, and no other", async () => {
    const keep = { Redis: ["**/*.pyi"], numpy: ["numpy/**/include"] };
    app = await openApp({ path: folder, keepFiles: keep });
    expect(app.problems).toEqual([]);
    for (const image of IMAGES) {
      const { path } = stage(app, image);
      const kept = image.groups.map((group) => {
        const file = join(ROOT, path, "locks", group, "keep-files.json");
        return [group, existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined];
      });
      const expected = { heavy: { numpy: keep.numpy }, light: { redis: keep.Redis } };
      expect(Object.fromEntries(kept)).toEqual(expected);
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

describe("writeBuildNetwork", () => {
  it("writes the settings of the network, which are empty by default and change no hash", () => {
    const [image] = IMAGES;
    const before = stage(app, image);
    const files = ["ca.pem", "os-mirror"].map((name) => join(ROOT, before.path, "network", name));
    const read = () => files.map((file) => readFileSync(file, "utf8"));
    expect(read()).toEqual(["", ""]);
    const caBundle = join(folder, "ca.pem");
    writeFileSync(caBundle, "certificates");
    writeBuildNetwork(before.path, { caBundle, osMirror: "https://mirror.example.com" });
    expect(read()).toEqual(["certificates", "https://mirror.example.com"]);
    for (const file of files) expect(statSync(file).mtimeMs).toBe(EPOCH * 1000);
    expect(stage(app, image)).toEqual(before);
    expect(read()).toEqual(["", ""]);
  });
});

describe("openApp", () => {
  it("fails with a remedy if the folder is not an application", async () => {
    await expect(openApp({ path: join(folder, "missing") })).rejects.toThrow(/folder does not exist: set the path/);
    await expect(openApp({ path: join(folder, "tests") })).rejects.toThrow(/no pyproject\.toml/);
    rmSync(join(folder, "spatialforge"), { recursive: true });
    await expect(openApp({ path: folder })).rejects.toThrow(/no package spatialforge/);
  });

  it("finds files to keep of a package that the lock does not contain", async () => {
    const { problems } = await openApp({ path: folder, keepFiles: { "scikit-image": ["**/*.pyi"], redis: ["**"] } });
    expect(problems).toEqual([
      {
        key: "app.keepFiles.scikit-image",
        value: '["**/*.pyi"]',
        remedy: expect.stringMatching(/lock does not contain this package/),
      },
    ]);
  });

  it("finds a lock that does not match, and names the command that fixes it", async () => {
    const file = join(folder, "pyproject.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace('"minio>=7.2.0"', '"minio>=99"'));
    const problems = (await openApp({ path: folder })).lockProblems("dev");
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      key: "app",
      value: expect.stringContaining("minio>=99"),
      remedy: expect.stringContaining("npm run lock"),
    });
  });
});

describe("the hashes of the parts", () => {
  const api = IMAGES[0];

  it.each([
    ["code", () => edit("spatialforge/main.py", (text) => `${text}\n# new`)],
    ["static files", () => edit("static/about.html", (text) => `${text}<!-- new -->`)],
  ])("a change of the %s changes its own hash, and no other one", (part, change) => {
    const before = stage(app, api);
    change();
    const after = stage(app, api);
    const changed = Object.entries(after.parts).filter(([name, hash]) => before.parts[name as ContextPart] !== hash);
    expect(changed.map(([name]) => name)).toEqual([part]);
    expect(after.hash).not.toBe(before.hash);
  });

  it("contain every file of the context except the credentials and the settings of the network", () => {
    const folder = join(ROOT, stage(app, api).path);
    const parts = Object.values(CONTEXT_PARTS).flat();
    const others = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) =>
        statSync(join(folder, name)).isFile() && !parts.some((part) => name === part || name.startsWith(`${part}/`)),
    );
    expect(others.map((name) => name.split("/")[0])).toEqual(expect.arrayContaining(["credentials", "network"]));
    expect(others.filter((name) => !/^(credentials|network)\//.test(name))).toEqual([]);
  });
});
