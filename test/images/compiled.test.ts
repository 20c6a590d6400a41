import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "../harness/engine";
import { GitServer } from "../harness/git-server";
import { baseOf, buildArgs, stageSampleApp } from "../harness/images";
import { RESTRICTED } from "../harness/sandbox";

const TAG = "spatialforge-test:compiled";

/** A name of this run: the build cache of uv has the results of earlier runs. */
const RUN = `1.${Date.now()}`;

/** A package with a C extension. */
const DA3 = {
  "pyproject.toml": `[build-system]\nrequires = ["setuptools"]\n\n[project]\nname = "da3"\nversion = "${RUN}"\n`,
  "setup.py": 'from setuptools import Extension, setup\n\nsetup(ext_modules=[Extension("da3", ["da3.c"])])\n',
  "da3.c":
    '#include <Python.h>\nstatic struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "da3", 0, -1, 0};\n' +
    "PyMODINIT_FUNC PyInit_da3(void) { return PyModule_Create(&module); }\n",
};

/** It has no wheel for Linux. To compile it, libpq-dev is required, and to import it, libpq5. */
const PSYCOPG2 =
  `psycopg2 @ https://files.pythonhosted.org/packages/91/81/6ea19b8b28feb9405c8c87a307776614d6e404bdb98467d1ce10a39d2c1d/psycopg2-2.9.13.tar.gz?run=${RUN} ` +
  "--hash=sha256:d36784fc2dae69523ba4b79c7d1d1b4d6e83e87836874f111262f4db940b16a6\n";

/** It has no wheel, but it contains no C code. */
const DOCOPT = "docopt==0.6.2 --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n";

/** Build arguments of a lock with packages that are compiled. All tests have the same ones, so that the compilers are installed once. */
const COMPILERS = { BUILDER: "compilers", BUILD_PACKAGES: "libpq-dev" };

const cpu = IMAGES.find(({ name }) => name === "cpu")!;
let folder = "";
let server: GitServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "compiled-"));
  cpSync(join(ROOT, (await stageSampleApp(cpu)).path), join(folder, "context"), {
    recursive: true,
  });
  server = new GitServer(folder, "me", "p4ssword");
  await server.start();
});
afterAll(async () => {
  dockerStatus("rmi", "-f", TAG);
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Creates a git repository with the package. Returns its pin, as in a lock. */
function gitPin(): string {
  const work = join(folder, "da3");
  mkdirSync(work);
  for (const [name, text] of Object.entries(DA3)) writeFileSync(join(work, name), text);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", work, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    });
  git("init", "-q");
  git("add", ".");
  git("commit", "-qm", "1");
  return `da3 @ git+${server.url("da3/.git")}@${git("rev-parse", "HEAD")}`;
}

/** Builds a target with these lock files of compiled packages. Builds run on the network of the host, where the git server is. */
async function build(target: string, files: Record<string, string>, args: Record<string, string> = {}, netrc = "") {
  for (const name of ["git.txt", "source.txt"]) {
    const file = join(folder, "context", "locks", "light", name);
    if (name in files) writeFileSync(file, files[name]);
    else rmSync(file, { force: true });
  }
  writeFileSync(join(folder, "context", "credentials", "netrc"), netrc);
  const options = ["--progress", "plain", "--network", "host", "-t", TAG, "--target", target];
  const command = ["build", ...options, ...buildArgs({ BASE: baseOf(cpu), ...args }), join(folder, "context")];
  return promisify(execFile)("docker", command, { maxBuffer: 1 << 28 }).then(
    ({ stdout, stderr }) => ({ built: true, text: stdout + stderr }),
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ built: false, text: stdout + stderr }),
  );
}

it("a lock of wheels only installs no compiler", async () => {
  const { built, text } = await build("light", {});
  expect(built, text).toBe(true);
  expect(text).not.toContain("os.sh compilers");
});

it("psycopg2, which has no wheel, needs the OS packages in app.buildPackages; the message names it", async () => {
  const { built, text } = await build("light", { "source.txt": DOCOPT + PSYCOPG2 });
  expect(built).toBe(false);
  expect(text).toMatch(/A package without a wheel cannot be compiled: psycopg2\. Set app\.buildPackages .*libpq-dev/);
});

it("psycopg2 and a package from a private git repository are compiled; the image has no compiler, no git, and no password", async () => {
  const files = { "source.txt": PSYCOPG2, "git.txt": gitPin() };
  const system = { OS: "system", ROOT: "system", SYSTEM_PACKAGES: "libpq5" };
  const withoutCredentials = await build("light", { "git.txt": files["git.txt"] }, COMPILERS);
  expect(withoutCredentials.built).toBe(false);
  expect(withoutCredentials.text).toMatch(
    /A package from a git repository cannot be installed: da3\. .* Set netrc if the repository is private/,
  );

  const netrc = "machine 127.0.0.1 login me password p4ssword\n";
  const { built, text } = await build("cpu", files, { ...COMPILERS, ...system }, netrc);
  expect(built, text).toBe(true);
  const script =
    "import da3, psycopg2, shutil, os; print(da3.__name__, psycopg2.paramstyle, " +
    "*filter(shutil.which, ['gcc', 'g++', 'cc', 'make', 'git']), os.path.exists('/root/.netrc'))";
  expect(docker("run", "--rm", ...RESTRICTED, TAG, "python", "-c", script)).toBe("da3 pyformat False");
  expect(docker("history", "--no-trunc", TAG) + text).not.toContain("p4ssword");
});
