import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "../harness/engine";
import { baseOf, buildArgs, stageSampleApp } from "../harness/images";

const TAG = "spatialforge-test:compiled";

/** The files of a package with a C extension. Each run has another version: the build cache of uv has the results of earlier runs. */
const VERSION = `1.${Date.now()}`;
const packageFiles = (name: string, include = "") => ({
  "PKG-INFO": `Metadata-Version: 2.2\nName: ${name}\nVersion: ${VERSION}\n`,
  "pyproject.toml": `[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "${name}"\nversion = "${VERSION}"\n`,
  "setup.py":
    `from setuptools import Extension, setup\n\n` +
    `setup(ext_modules=[Extension("${name}", ["${name}.c"], include_dirs=["/usr/include/postgresql"])])\n`,
  [`${name}.c`]:
    `#include <Python.h>\n${include}static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "${name}", 0, -1, 0};\n` +
    `PyMODINIT_FUNC PyInit_${name}(void) { return PyModule_Create(&module); }\n`,
});

function writePackage(path: string, files: Record<string, string>): void {
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
}

/** Build arguments of a lock with packages that are compiled. All tests have the same ones, so that the compilers are installed once. */
const COMPILERS = { BUILDER: "compilers", BUILD_PACKAGES: "libpq-dev" };

const cpu = IMAGES.find(({ name }) => name === "cpu")!;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "compiled-"));
  cpSync(join(ROOT, (await stageSampleApp(cpu)).path), join(folder, "context"), {
    recursive: true,
  });
});
afterAll(() => {
  dockerStatus("rmi", "-f", TAG);
  rmSync(folder, { recursive: true });
});

const lightFile = (name: string) => join(folder, "context", "locks", "light", name);

function build(target: string, args: Record<string, string> = {}) {
  const options = ["--progress", "plain", "-t", TAG, "--target", target, ...buildArgs({ BASE: baseOf(cpu), ...args })];
  return dockerStatus("build", ...options, join(folder, "context"));
}

it("a package from a git repository is compiled; the image has it, and no compiler and no git", () => {
  const work = join(folder, "work");
  writePackage(work, packageFiles("da3"));
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", work, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "1");
  const commit = git("rev-parse", "HEAD").trim();
  git("clone", "-q", "--bare", work, lightFile("da3.git")); // the build mounts this folder at /mnt/light
  onTestFinished(() => rmSync(lightFile("git.txt")));
  writeFileSync(lightFile("git.txt"), `da3 @ git+file:///mnt/light/da3.git@${commit}\n`);

  const withoutCompilers = build("cpu");
  expect(withoutCompilers.code).not.toBe(0);
  expect(withoutCompilers.text).toContain(
    "A package from a git repository cannot be installed: da3. Set app.buildPackages",
  );

  const built = build("cpu", COMPILERS);
  expect(built.code, built.text).toBe(0);
  const script = "import da3, shutil; print(da3.__name__, *filter(shutil.which, ['gcc', 'g++', 'cc', 'make', 'git']))";
  expect(docker("run", "--rm", TAG, "python", "-c", script)).toBe("da3");
});

it("a package without a wheel needs the OS packages in app.buildPackages; the message names it", () => {
  // As psycopg2, the package includes a header of the OS package libpq-dev.
  const stem = `pgtest-${VERSION}`;
  writePackage(join(folder, stem), packageFiles("pgtest", "#include <libpq-fe.h>\n"));
  execFileSync("tar", ["-C", folder, "-czf", lightFile(`${stem}.tar.gz`), stem]);
  const hash = createHash("sha256")
    .update(readFileSync(lightFile(`${stem}.tar.gz`)))
    .digest("hex");
  onTestFinished(() => rmSync(lightFile("source.txt")));
  writeFileSync(lightFile("source.txt"), `pgtest @ file:///mnt/light/${stem}.tar.gz --hash=sha256:${hash}\n`);
  const failed = build("light", { BUILDER: "installer" });
  expect(failed.code).not.toBe(0);
  expect(failed.text).toMatch(
    /A package without a wheel cannot be compiled: pgtest\. Set app\.buildPackages .*libpq-dev/,
  );
  const built = build("light", COMPILERS);
  expect(built.code, built.text).toBe(0);
});

it("a lock of wheels only installs no compiler", () => {
  const { code, text } = build("light");
  expect(code, text).toBe(0);
  expect(text).not.toContain("os.sh compilers");
});
