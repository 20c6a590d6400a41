import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stage } from "../../stack/app/build-context";
import { openApp } from "../../stack/app/source";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "../harness/engine";
import { baseOf, buildArgs } from "../harness/images";

const TAG = "spatialforge-test:compiled";

/** The source distribution of psycopg2 on PyPI, which has no wheel for Linux. */
const PSYCOPG2 = "psycopg2==2.9.13 --hash=sha256:d36784fc2dae69523ba4b79c7d1d1b4d6e83e87836874f111262f4db940b16a6\n";

/** A package with a C extension. */
const PACKAGE = {
  "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "da3"\nversion = "1"\n',
  "setup.py": 'from setuptools import Extension, setup\n\nsetup(ext_modules=[Extension("da3", ["da3.c"])])\n',
  "da3.c":
    '#include <Python.h>\nstatic struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "da3", 0, -1, 0};\n' +
    "PyMODINIT_FUNC PyInit_da3(void) { return PyModule_Create(&module); }\n",
};

/** Build arguments of a lock with packages that are compiled. All tests have the same ones, so that the compilers are installed once. */
const COMPILERS = { BUILDER: "compilers", BUILD_PACKAGES: "libpq-dev" };

const cpu = IMAGES.find(({ name }) => name === "cpu")!;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "compiled-"));
  cpSync(join(ROOT, stage(await openApp({ path: "sample-app" }), cpu).path), join(folder, "context"), {
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
  mkdirSync(work);
  for (const [name, text] of Object.entries(PACKAGE)) writeFileSync(join(work, name), text);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", work, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "1");
  const commit = git("rev-parse", "HEAD").trim();
  git("clone", "-q", "--bare", work, lightFile("da3.git")); // the build mounts this folder at /mnt/light
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
  rmSync(lightFile("git.txt"));
});

it("a package without a wheel needs the OS packages in app.buildPackages; the message names it", () => {
  writeFileSync(lightFile("source.txt"), PSYCOPG2);
  const failed = build("light");
  expect(failed.code).not.toBe(0);
  expect(failed.text).toMatch(
    /A package without a wheel cannot be compiled: psycopg2\. Set app\.buildPackages .*libpq-dev/,
  );
  const built = build("light", COMPILERS);
  expect(built.code, built.text).toBe(0);
  rmSync(lightFile("source.txt"));
});

it("a lock of wheels only installs no compiler", () => {
  const { code, text } = build("light");
  expect(code, text).toBe(0);
  expect(text).not.toContain("os.sh compilers");
});
