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
import { afterEach, beforeEach, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/table";
import { ROOT } from "../../stack/root";
import { openApp, type AppSource } from "../../stack/source/app";
import { stage } from "../../stack/source/stage";

let folder: string;
let app: AppSource;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "stage-"));
  cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
  app = await openApp({ path: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

const hashes = () => Object.fromEntries(IMAGES.map((image) => [image.name, stage(app, image).hash]));

it.each([
  ["a README", () => writeFileSync(join(folder, "README.md"), "new")],
  ["a test", () => writeFileSync(join(folder, "tests", "test_new.py"), "new")],
  ["bytecode", () => cpSync(join(folder, "pyproject.toml"), join(folder, "spatialforge", "__pycache__", "x.pyc"))],
  ["an .env file", () => writeFileSync(join(folder, "spatialforge", ".env"), "SECRET=1")],
  ["another mode", () => chmodSync(join(folder, "spatialforge", "main.py"), 0o600)],
  ["another day", () => utimesSync(join(folder, "spatialforge", "main.py"), 1, 1)],
])("%s changes no context", (_, change) => {
  const before = hashes();
  change();
  expect(hashes()).toEqual(before);
});

it("code changes every context, as every image holds it", () => {
  const before = hashes();
  writeFileSync(join(folder, "spatialforge", "main.py"), "new");
  const after = hashes();
  for (const { name } of IMAGES) expect(after[name]).not.toBe(before[name]);
});

it("a static file changes the contexts of those who serve it", () => {
  const before = hashes();
  writeFileSync(join(folder, "static", "about.html"), "new");
  const after = hashes();
  expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(["api", "cpu"]);
});

it("credentials are for the build alone: in no hash, for no other user, and gone with the program", () => {
  const [image] = IMAGES;
  const before = stage(app, image).hash;
  const { path, hash } = stage(app, image, "machine pypi.example.com login me password hunter2");
  const file = join(ROOT, path, "credentials", "netrc");
  expect(hash).toBe(before);
  expect(readFileSync(file, "utf8")).toContain("hunter2");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  process.listeners("exit").at(-1)!(0);
  expect(readFileSync(file, "utf8")).toBe("");
});

it("a worker's context has no web packages, and every context has no more than its image reads", () => {
  for (const image of IMAGES) {
    const { path } = stage(app, image);
    const own = image.serves ? ["served"] : [];
    const shared = ["Dockerfile", "app", "build", "credentials", "locks", "runtime"];
    expect(readdirSync(join(ROOT, path)).sort()).toEqual([...shared, ...own].sort());
    expect(readdirSync(join(ROOT, path, "locks")).sort()).toEqual([...image.groups].sort());
  }
});

it("an app is refused with a remedy when its folder is not one", async () => {
  await expect(openApp({ path: join(folder, "nowhere") })).rejects.toThrow(/no such folder/);
  await expect(openApp({ path: join(folder, "tests") })).rejects.toThrow(/no pyproject\.toml/);
  rmSync(join(folder, "spatialforge"), { recursive: true });
  await expect(openApp({ path: folder })).rejects.toThrow(/no package spatialforge/);
});

it("a lock that no longer fits is a problem with the command that mends it", async () => {
  const file = join(folder, "pyproject.toml");
  writeFileSync(file, readFileSync(file, "utf8").replace('"minio>=7.2.0"', '"minio>=99"'));
  const problems = (await openApp({ path: folder })).problems();
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({
    key: "app",
    value: expect.stringContaining("minio>=99"),
    remedy: expect.stringContaining("npm run lock"),
  });
});
