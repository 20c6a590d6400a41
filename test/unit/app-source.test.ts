import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { AppError, openApp } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { preflight } from "../../stack/preflight/preflight";
import { ROOT } from "../../stack/root";
import { fakeEngine } from "../harness/fake-engine";

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 1\n`;

let folder: string;
const path = (...names: string[]): string => join(folder, ...names);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "app-source-"));
  cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
  return () => rmSync(folder, { recursive: true });
});

/** The problems of the app that an update reports. */
async function problemsOf(app: string): Promise<{ value?: string; remedy: string }[]> {
  await fakeEngine();
  const { problems } = await preflight(settingsSchema.parse({ app: { path: app }, gpu: "off" }), "local");
  return problems.filter(({ key }) => key === "app");
}

describe("files that no image can contain", () => {
  it("are all reported by name before a build, with the remedy", async () => {
    symlinkSync("missing.json", path("spatialforge", "dangling.json"));
    symlinkSync("a", path("spatialforge", "b"));
    symlinkSync("b", path("spatialforge", "a"));
    symlinkSync("..", path("spatialforge", "workers", "up"));
    execFileSync("mkfifo", [path("static", "pipe")]);
    writeFileSync(path("spatialforge", "large.bin"), "");
    truncateSync(path("spatialforge", "large.bin"), 2 ** 31);
    writeFileSync(path("spatialforge", "model.onnx"), POINTER);
    const problems = await problemsOf(folder);
    expect(problems.map(({ value, remedy }) => `${value}: ${remedy}`)).toEqual([
      expect.stringMatching(/^spatialforge\/dangling\.json: .*does not exist.*: fix or delete/),
      expect.stringMatching(/^spatialforge\/a, spatialforge\/b, spatialforge\/workers\/up: .*loop: .*delete/),
      expect.stringMatching(/^static\/pipe: .*FIFO.*: delete/),
      expect.stringMatching(/^spatialforge\/large\.bin: .*2 GiB.*: .*MODEL_DIR/),
      expect.stringMatching(/^spatialforge\/model\.onnx: .*Git LFS.*: .*git lfs pull/),
    ]);
  });

  it("are allowed where no image contains them", async () => {
    symlinkSync("missing.py", path("tests", "dangling.py"));
    symlinkSync("missing", path("spatialforge", ".venv"));
    expect(await problemsOf(folder)).toEqual([]);
  });

  it("a submodule that is not checked out, also below a link and in another submodule", async () => {
    const submodules = (at: string, ...paths: string[]) =>
      writeFileSync(path(at, ".gitmodules"), paths.map((one) => `[submodule "a"]\n\tpath = ${one}\n`).join(""));
    for (const name of ["spatialforge/maps", "spatialforge/empty", "vendor/models/base", "docs/theme"]) {
      mkdirSync(path(name), { recursive: true });
    }
    submodules(".", "spatialforge/maps", "vendor/models", "docs/theme");
    submodules("vendor/models", "base");
    symlinkSync("../vendor/models", path("spatialforge", "models"));
    expect(await problemsOf(folder)).toMatchObject([
      {
        value: "spatialforge/maps, spatialforge/models/base",
        remedy: expect.stringMatching(/submodule.*: run `git submodule update --init --recursive`/) as string,
      },
    ]);
    for (const name of ["spatialforge/maps", "vendor/models/base"]) writeFileSync(path(name, "a.json"), "{}");
    expect(await problemsOf(folder)).toEqual([]);
  });

  it("are reported with at most 10 names", async () => {
    for (let i = 0; i < 12; i++) writeFileSync(path("static", `${i}.bin`), POINTER);
    const [{ value }] = await problemsOf(folder);
    expect(value).toMatch(/^static\/0\.bin, .*, and 2 more$/);
  });

  it("are not files at the limit, links to a file or a folder, and texts about Git LFS", async () => {
    writeFileSync(path("spatialforge", "large.bin"), "");
    truncateSync(path("spatialforge", "large.bin"), 2 ** 31 - 1);
    symlinkSync("main.py", path("spatialforge", "link.py"));
    symlinkSync("../static", path("spatialforge", "pages"));
    writeFileSync(path("spatialforge", "lfs.txt"), `See: ${POINTER}`);
    expect(await problemsOf(folder)).toEqual([]);
  });
});

describe("the shape of the source tree", () => {
  /** Writes the table [project] of a pyproject.toml, and other tables. */
  const project = (lines: string, rest = "") =>
    writeFileSync(path("pyproject.toml"), `[project]\nname = "spatialforge"\n${lines}\n${rest}`);

  const move = (to: string) => {
    mkdirSync(path(to), { recursive: true });
    for (const name of ["pyproject.toml", "spatialforge", "static"]) renameSync(path(name), path(to, name));
  };

  it.each<[string, () => void, RegExp]>([
    [
      "a pyproject.toml in a subfolder",
      () => move("services/api"),
      /no pyproject\.toml.* in services\/api: set app\.path to \S+\/services\/api$/,
    ],
    [
      "a subfolder in a workspace",
      () => {
        move("services/api");
        writeFileSync(path("pyproject.toml"), '[tool.uv.workspace]\nmembers = ["services/*"]\n');
      },
      /no package spatialforge.* in services\/api: set app\.path to \S+\/services\/api$/,
    ],
    [
      "only a requirements.txt",
      () => renameSync(path("pyproject.toml"), path("requirements.txt")),
      /requirements\.txt but no pyproject\.toml: .*`uv init --bare --name spatialforge && uv add --frozen -r requirements\.txt`/,
    ],
    [
      "only a Pipfile",
      () => renameSync(path("pyproject.toml"), path("Pipfile")),
      /Pipfile but no pyproject\.toml: .*`uvx migrate-to-uv`/,
    ],
    [
      "only a setup.py",
      () => renameSync(path("pyproject.toml"), path("setup.py")),
      /setup\.py but no pyproject\.toml: .*\[project\]/,
    ],
    [
      "only [tool.poetry]",
      () => writeFileSync(path("pyproject.toml"), '[tool.poetry]\nname = "spatialforge"\n'),
      /\[tool\.poetry\] but no \[project\]: .*`uvx migrate-to-uv`/,
    ],
    [
      "dependencies in [tool.poetry]",
      () => project('dynamic = ["dependencies"]', '[tool.poetry.dependencies]\nnumpy = "^2"\n'),
      /dependencies in \[tool\.poetry\]: .*`uvx migrate-to-uv`/,
    ],
    [
      "dynamic dependencies in a file",
      () =>
        project(
          'dynamic = ["dependencies"]',
          '[tool.setuptools.dynamic]\ndependencies = {file = ["requirements.in"]}\n',
        ),
      /dependencies .* are dynamic: remove "dependencies" from project\.dynamic, and run `uv add --frozen -r requirements\.in`$/,
    ],
    [
      "dynamic dependencies of a build script",
      () => project('dynamic = ["dependencies", "version"]'),
      /are dynamic: remove "dependencies" from project\.dynamic, and list them in project\.dependencies$/,
    ],
    [
      "a pyproject.toml without [project]",
      () => writeFileSync(path("pyproject.toml"), "[tool.ruff]\n"),
      /has no \[project\]: add the table with name, version, requires-python, and dependencies/,
    ],
    [
      "a project without a name",
      () => writeFileSync(path("pyproject.toml"), '[project]\nversion = "1"\n'),
      /\[project\] .* has no name/,
    ],
    [
      "a version of Python that is a number",
      () => project("requires-python = 3.10"),
      /requires-python .* is not a string: write it as ">=3\.N"$/,
    ],
    [
      "dependencies that are no list",
      () => project('dependencies = { numpy = ">=1" }'),
      /project\.dependencies .* is not a list of strings/,
    ],
    [
      "a pyproject.toml that is not TOML",
      () => writeFileSync(path("pyproject.toml"), '[project]\nname = "a\n'),
      /pyproject\.toml is not valid TOML \(line 2\)/,
    ],
  ])("%s is refused with the command that changes it", async (_, change, message) => {
    change();
    await expect(openApp({ path: folder })).rejects.toThrow(message);
  });

  it("all problems of the tree are reported at once", async () => {
    rmSync(path("spatialforge"), { recursive: true });
    writeFileSync(path("pyproject.toml"), "[tool.poetry]\n");
    const error = (await openApp({ path: folder }).catch((error: unknown) => error)) as AppError;
    expect(error.remedies).toEqual([
      expect.stringMatching(/no package spatialforge/),
      expect.stringMatching(/uvx migrate-to-uv/),
    ]);
    expect((await problemsOf(folder)).map(({ remedy }) => remedy)).toEqual(error.remedies);
  });

  it("`npm run lock -- --app` has the same messages", async () => {
    project("requires-python = 3.11\ndependencies = 3");
    const error = (await openApp({ path: folder }).catch((error: unknown) => error)) as AppError;
    expect(error.remedies).toHaveLength(2);
    const command = [join(ROOT, "scripts", "lock.ts"), "--app", folder];
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", ...command], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 1, stderr: `--app ${folder}:\n${error.message}\n` });
  });

  it("`npm run lock -- --stack` refuses the options that the settings of the stack replace", () => {
    const options = ["app", "extra", "group", "requirement", "override"].map((name) => `--${name}`);
    const command = [join(ROOT, "scripts", "lock.ts"), "--stack", "dev", ...options.flatMap((option) => [option, "a"])];
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", ...command], { encoding: "utf8" });
    const message = `--stack uses the settings app.* of the stack: leave out ${options.join(", ")}, or set them there\n`;
    expect({ status, stderr }).toEqual({ status: 2, stderr: message });
  });

  it("a package in src/ is found", async () => {
    mkdirSync(path("src"));
    for (const name of ["spatialforge", "static"]) renameSync(path(name), path("src", name));
    symlinkSync("missing", path("src", "spatialforge", "dangling"));
    expect(await problemsOf(folder)).toEqual([expect.objectContaining({ value: "src/spatialforge/dangling" })]);
  });

  it("docs/app.md names each command and each setting of the messages", () => {
    const page = readFileSync(join(ROOT, "docs", "app.md"), "utf8");
    for (const text of ["uv init --bare", "uv add --frozen -r", "uvx migrate-to-uv", "app.folder", "src/"]) {
      expect(page).toContain(text);
    }
  });
});
