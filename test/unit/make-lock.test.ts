import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { makeLock, type Options } from "../../scripts/lock/make-lock";
import { parsePins } from "../../scripts/lock/pins";
import type { LockRecord } from "../../stack/lock/fit";
import { lockProblems } from "../../stack/lock/fit";
import { readAppProject } from "../../stack/lock/project";
import { hashOf, PackageIndex, type Release } from "../harness/package-index";

const LINUX = ["x86_64", "aarch64"].map((machine) => `py3-none-manylinux_2_28_${machine}`);
const one = (requires: string[] = [], more: Partial<Release> = {}): Release[] => [
  { version: "1.0", requires, ...more },
];

const PACKAGES: Record<string, Release[]> = {
  uvicorn: one(["h11", "click"]),
  h11: one(),
  click: one(),
  celery: one(["kombu", "click"]),
  kombu: one(),
  redis: one(),
  minio: one(["shared"]),
  stripe: [
    { version: "1.0" },
    { version: "2.0" },
    { version: "3.0", uploaded: "2026-06-01T00:00:00Z" },
    { version: "4.0a1" },
  ],
  torch: [
    { version: "2.0", requires: ["nvidia-cublas", "cuda-toolkit", "triton", "sympy", "shared"], wheels: LINUX },
    { version: "2.1", requires: ["nvidia-cublas", "cuda-toolkit", "triton", "sympy", "shared"], wheels: LINUX },
  ],
  torchvision: one(["torch", "numpy"], { wheels: LINUX }),
  "nvidia-cublas": one(),
  "cuda-toolkit": one(),
  triton: one(),
  sympy: one(),
  shared: one(),
  numpy: one(),
  openmp: one(),
  transformers: one(["numpy", "tokenizers"]),
  tokenizers: one(),
  ultralytics: one(["opencv-python", "torchvision"]),
  "opencv-python": one(["numpy"]),
  "opencv-python-headless": one(["numpy"]),
  open3d: one(["numpy"]),
  psycopg2: one([], { wheels: [] }),
  scikit: one(["scipy"]),
  scipy: one(["numpy"]),
};
const CPU_PACKAGES: Record<string, Release[]> = {
  torch: [
    { version: "2.0+cpu", requires: ["sympy", "shared"], wheels: [LINUX[0]] },
    { version: "2.0", requires: ["sympy", "shared"], wheels: [LINUX[1]] },
    { version: "2.1+cpu", requires: ["sympy", "shared"], wheels: [LINUX[0]] },
    { version: "2.1", requires: ["sympy", "shared"], wheels: [LINUX[1]] },
  ],
  torchvision: [{ version: "1.0+cpu", requires: ["torch", "numpy", "openmp"], wheels: LINUX }],
};
const CUDA_12_PACKAGES: Record<string, Release[]> = {
  torch: [{ version: "2.0+cu121", requires: ["nvidia-cublas", "sympy", "shared"], wheels: LINUX }],
};
/** Another index with other versions. */
const OTHER_PACKAGES: Record<string, Release[]> = Object.fromEntries(
  ["shared", "kombu"].map((name) => [name, [{ version: "0.9" }]]),
);
OTHER_PACKAGES.torch = [{ version: "1.9" }];

/** The packages that every app needs. */
const BASE = ["uvicorn", "celery", "redis", "minio"];

const missing = !process.env.CI && spawnSync("uv", ["--version"]).status !== 0;

describe.skipIf(missing)("npm run lock (requires uv)", () => {
  const folder = mkdtempSync(join(tmpdir(), "make-lock-"));
  const app = join(folder, "app");
  const locks = join(folder, "locks");
  const index = new PackageIndex({
    "/simple": PACKAGES,
    "/cpu": CPU_PACKAGES,
    "/cu121": CUDA_12_PACKAGES,
    "/z": OTHER_PACKAGES,
  });

  beforeAll(() => index.start());
  beforeEach(() => {
    vi.stubEnv("UV_DEFAULT_INDEX", index.url());
    vi.stubEnv("UV_CACHE_DIR", join(folder, "cache"));
    vi.stubEnv("UV_EXCLUDE_NEWER", "2026-03-01T00:00:00Z");
    vi.stubEnv("UV_HTTP_RETRIES", "0");
    mkdirSync(app, { recursive: true });
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    vi.spyOn(console, "error").mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    for (const path of [app, locks]) rmSync(path, { recursive: true, force: true });
  });
  afterAll(async () => {
    await index.stop();
    rmSync(folder, { recursive: true });
  });

  const write = (dependencies: readonly string[], more = "") =>
    writeFileSync(
      join(app, "pyproject.toml"),
      `[project]\nname = "My_App"\nversion = "1"\ndependencies = ${JSON.stringify(dependencies)}\n${more}`,
    );
  const EXTRA = (name: string, requirement: string) =>
    `[project.optional-dependencies]\n${name} = ["${requirement}"]\n`;
  const lock = (options: Partial<Options> = {}) =>
    makeLock({ app, choice: {}, cpuIndex: index.url("/cpu"), locks, ...options });
  const read = (file: string) => readFileSync(join(locks, "my-app", file), "utf8");
  const pins = (file: string) => parsePins(read(file)).map(({ text }) => text);
  const record = () => JSON.parse(read("inputs.json")) as LockRecord;
  const problems = (choice = {}) =>
    lockProblems(
      readAppProject(readFileSync(join(app, "pyproject.toml"), "utf8")),
      choice,
      join(locks, "my-app"),
      "dev",
    );

  it("splits the packages into groups", async () => {
    write([...BASE, "torch", "transformers", "scikit"]);
    expect(await lock()).toBe(false);
    expect(
      Object.fromEntries(["cuda", "torch", "heavy", "light", "web"].map((one) => [one, pins(`${one}.txt`)])),
    ).toEqual({
      cuda: ["cuda-toolkit==1.0", "nvidia-cublas==1.0"],
      torch: ["torch==2.1"],
      heavy: ["numpy==1.0", "scipy==1.0", "sympy==1.0", "tokenizers==1.0", "transformers==1.0"],
      light: ["celery==1.0", "click==1.0", "kombu==1.0", "minio==1.0", "redis==1.0", "scikit==1.0", "shared==1.0"],
      web: ["h11==1.0", "uvicorn==1.0"],
    });
    expect(parsePins(read("web.txt"))[0].hashes).toEqual([hashOf("h11-1.0-py3-none-any.whl")]);
    expect(problems()).toEqual([]);
  });

  it("leaves out the part of a marker that all images fulfill", async () => {
    write([
      ...BASE,
      "stripe ; platform_python_implementation != 'PyPy'",
      "h11 ; platform_python_implementation == 'PyPy'",
    ]);
    await lock();
    expect(pins("light.txt")).toContain("stripe==2.0");
  });

  describe("the CPU variant", () => {
    it("has the builds of the CPU index with hashes for both machines, and no CUDA", async () => {
      write([...BASE, "torch", "transformers"]);
      await lock();
      expect(pins("torch.cpu.txt")).toEqual([
        expect.stringMatching(/^torch==2\.1 ; .*'aarch64'/),
        expect.stringMatching(/^torch==2\.1\+cpu ; .*'x86_64'/),
      ]);
      expect(parsePins(read("torch.cpu.txt")).flatMap(({ hashes }) => hashes)).toEqual([
        hashOf(`torch-2.1-${LINUX[1]}.whl`),
        hashOf(`torch-2.1+cpu-${LINUX[0]}.whl`),
      ]);
      expect(readdirSync(join(locks, "my-app")).filter((file) => file.includes(".cpu."))).toEqual(["torch.cpu.txt"]);
      expect(record().withoutHashes).toEqual([]);
    });

    it("has the versions of the GPU variant, also of a torch that only another package requires", async () => {
      write([...BASE, "torchvision"], '[tool.uv]\nconstraint-dependencies = ["torch<2.1"]\n');
      await lock();
      expect(pins("torch.txt")).toEqual(["torch==2.0", "torchvision==1.0"]);
      expect(pins("torch.cpu.txt").join()).toMatch(/torch==2\.0 ; .*torch==2\.0\+cpu ; .*torchvision==1\.0\+cpu/);
      expect(pins("heavy.cpu.txt")).toEqual([...pins("heavy.txt"), "openmp==1.0"].sort());
    });

    it("cannot be locked without the index, unless a flag says so; inputs.json lists the missing hashes", async () => {
      write([...BASE, "torch"]);
      await expect(lock({ cpuIndex: "http://127.0.0.1:9/cpu" })).rejects.toThrow(/127\.0\.0\.1:9.*--without-cpu-index/);
      expect(() => read("torch.txt")).toThrow("ENOENT");
      await lock({ cpuIndex: undefined });
      expect(parsePins(read("torch.cpu.txt"))).toEqual([{ name: "torch", text: "torch==2.1", hashes: [] }]);
      expect(record().withoutHashes).toEqual(["torch==2.1"]);
      expect(parsePins(read("torch.txt"))[0].hashes).toHaveLength(2);
      expect(problems()).toEqual([]);
    });

    it("of a build for one CUDA version has the same version for the CPU", async () => {
      const source = '[tool.uv.sources]\ntorch = { index = "cuda" }\n';
      const cuda = `[[tool.uv.index]]\nname = "cuda"\nurl = "${index.url("/cu121")}"\nexplicit = true\n`;
      write([...BASE, "torch==2.0+cu121"], source + cuda);
      await lock();
      expect(pins("torch.txt")).toEqual(["torch==2.0+cu121"]);
      expect(pins("torch.cpu.txt").join()).toMatch(/torch==2\.0 ; .*torch==2\.0\+cpu/);
      expect(read("torch.txt")).toContain(`--extra-index-url ${index.url("/cu121")}\n`);
      expect(read("torch.cpu.txt") + read("light.txt")).not.toContain("--extra-index-url");
    });

    it("of an override for one CUDA version has the same version for the CPU", async () => {
      const source = '[tool.uv.sources]\ntorch = { index = "cuda" }\n';
      const cuda = `[[tool.uv.index]]\nname = "cuda"\nurl = "${index.url("/cu121")}"\nexplicit = true\n`;
      write([...BASE, "torch"], source + cuda);
      await lock({ choice: { overrides: ["torch==2.0+cu121"] } });
      expect(pins("torch.txt")).toEqual(["torch==2.0+cu121"]);
      expect(pins("torch.cpu.txt").join()).toMatch(/torch==2\.0 ; .*torch==2\.0\+cpu/);
    });

    it.each<[title: string, cpuIndex: string | undefined]>([
      ["with the index", "/cpu"],
      ["without the index", undefined],
    ])("of a wheel URL of torch does not exist: %s", async (_title, path) => {
      const wheel = await index.addWheel("torch-2.0-py3-none-any.whl");
      write([...BASE, `torch @ ${wheel}`]);
      await expect(lock({ cpuIndex: path && index.url(path) })).rejects.toThrow(
        /^torch is a URL or a git repository, .*require a version, as in torch==2\.5\.1, and declare its index in \[tool\.uv\.sources\]/,
      );
    });

    it("is resolved with the URL of an override that no index has", async () => {
      const wheel = await index.addWheel("private-1.0-py3-none-any.whl");
      const source = `[tool.uv.sources]\nprivate = { url = "${wheel}" }\n`;
      write([...BASE, "torch", "private"], `[tool.uv]\noverride-dependencies = ["private"]\n${source}`);
      await lock();
      expect(pins("light.txt")).toContain(`private @ ${wheel}`);
      expect(pins("torch.cpu.txt")).toHaveLength(2);
    });

    it("of a build that no index has: the message of uv names it, with the remedy", async () => {
      write([...BASE, "torch==2.5.1+cu121"]);
      await expect(lock()).rejects.toThrow(
        /^uv lock failed.*torch==2\.5\.1\+cu121.*\ntorch==2\.5\.1\+cu121: PyPI has no such build; declare its index in \[tool\.uv\.sources\]$/s,
      );
    });
  });

  describe("uses", () => {
    it("constraints, overrides, and prereleases in [tool.uv], but no configuration of the user", async () => {
      mkdirSync(join(folder, "config", "uv"), { recursive: true });
      writeFileSync(join(folder, "config", "uv", "uv.toml"), 'resolution = "lowest"\nprerelease = "allow"\n');
      writeFileSync(join(app, "uv.toml"), 'resolution = "lowest"\n');
      vi.stubEnv("XDG_CONFIG_HOME", join(folder, "config"));
      vi.stubEnv("UV_RESOLUTION", "lowest");
      write([...BASE, "stripe"]);
      await lock();
      expect(pins("light.txt")).toContain("stripe==2.0");
      write([...BASE, "stripe"], '[tool.uv]\nprerelease = "allow"\noverride-dependencies = ["minio==1.0"]\n');
      await lock({ upgrade: true });
      expect(pins("light.txt")).toContain("stripe==4.0a1");
    });

    it("the chosen extras, groups, requirements, and overrides", async () => {
      const tables =
        '[project.optional-dependencies]\ntsdf = ["open3d"]\ndev = ["stripe==1.0"]\n' +
        '[dependency-groups]\nmore = [{ include-group = "other" }]\nother = ["stripe==2.0"]\n';
      write([...BASE, "torch", "opencv-python-headless"], tables);
      const choice = {
        extras: ["tsdf"],
        groups: ["more"],
        requirements: ["ultralytics"],
        overrides: ["opencv-python ; sys_platform == 'never'"],
      };
      await lock({ choice });
      expect(pins("heavy.txt")).toEqual(["numpy==1.0", "open3d==1.0", "opencv-python-headless==1.0", "sympy==1.0"]);
      expect(pins("light.txt")).toEqual(expect.arrayContaining(["stripe==2.0", "ultralytics==1.0"]));
      expect(problems(choice)).toEqual([]);
      expect(problems({ ...choice, extras: [] })).toMatchObject([
        { value: "extras.tsdf.open3d: not set (locked: open3d)" },
      ]);
    });

    it("the versions in the uv.lock of the app; a difference fails", async () => {
      write([...BASE, "stripe"], '[tool.uv]\npackage = false\nconstraint-dependencies = ["stripe<2"]\n');
      await promisify(execFile)("uv", ["lock", "-q"], { cwd: app });
      write([...BASE, "stripe"], "[tool.uv]\npackage = false\n");
      await lock({ upgrade: true });
      expect(pins("light.txt")).toContain("stripe==1.0");
      await expect(lock({ choice: { overrides: ["stripe>1"], requirements: ["shared"] } })).rejects.toThrow(
        /differ from the uv\.lock.*\n {2}stripe 2\.0 \(uv\.lock: 1\.0\)$/,
      );
    });

    it("the versions in the uv.lock of the app; a package that is only in the choice is printed", async () => {
      write([...BASE, "stripe==1.0"], "[tool.uv]\npackage = false\n");
      await promisify(execFile)("uv", ["lock", "-q"], { cwd: app });
      await lock({ choice: { requirements: ["open3d"] } });
      expect(pins("light.txt")).toContain("stripe==1.0");
      expect(pins("heavy.txt")).toEqual(["numpy==1.0", "open3d==1.0"]);
      expect(console.log).toHaveBeenCalledWith("not in the uv.lock of the app: numpy 1.0, open3d 1.0");
    });

    it.each(["<<<<<<< HEAD\n", "package = 3\n", '[[package]]\nname = "a"\n'])(
      "no uv.lock of the app that uv did not write: %j",
      async (text) => {
        write(BASE);
        writeFileSync(join(app, "uv.lock"), text);
        await expect(lock()).rejects.toThrow(
          `${join(app, "uv.lock")} is not a lock of uv: run \`uv lock\` in the app to create it again`,
        );
      },
    );

    it("torch, and no torchvision that is only in an extra that is not chosen", async () => {
      write([...BASE, "torch"], EXTRA("vision", "torchvision"));
      await lock({ cpuIndex: undefined });
      expect(pins("torch.txt")).toEqual(["torch==2.1"]);
    });

    it("the pins and hashes of the previous lock, without --upgrade", async () => {
      write([...BASE, "stripe<2"]);
      await lock();
      write([...BASE, "stripe"]);
      expect(problems()).toMatchObject([{ value: "dependencies.stripe: stripe (locked: stripe<2)" }]);
      expect(await lock({ check: true })).toBe(false);
      expect(record().inputs.dependencies).toContain("stripe<2");
      await lock();
      expect(pins("light.txt")).toContain("stripe==1.0");
      const before = read("light.txt");
      PACKAGES.minio[0].wheels = ["py3-none-any", LINUX[0]];
      try {
        rmSync(join(folder, "cache"), { recursive: true });
        expect(await lock({ check: true })).toBe(true);
        await lock({ upgrade: true });
      } finally {
        delete PACKAGES.minio[0].wheels;
      }
      expect(read("light.txt")).not.toBe(before);
      expect(pins("light.txt")).toContain("stripe==2.0"); // 3.0 is newer than UV_EXCLUDE_NEWER
    });

    it.each<[title: string, setting: string]>([
      ["a date", 'exclude-newer = "2026-03-01"'],
      ["a timestamp with an offset", 'exclude-newer = "2026-03-01T00:00:00+02:00"'],
      ["a duration", 'exclude-newer = "3 days"'],
      ["a date for one package", 'exclude-newer-package = { stripe = "2026-03-01", minio = false }'],
      ["other settings that a uv.lock repeats", 'prerelease = "allow"\nfork-strategy = "fewest"'],
    ])("the previous pins with exclude-newer and such settings: %s", async (_title, setting) => {
      vi.stubEnv("UV_EXCLUDE_NEWER", undefined);
      write([...BASE, "stripe==1.0"], `[tool.uv]\n${setting}\n`);
      await lock();
      write([...BASE, "stripe"], `[tool.uv]\n${setting}\n`);
      await lock();
      expect(pins("light.txt")).toContain("stripe==1.0");
    });

    it("the hashes of the previous lock only if the range of Python is the same", async () => {
      const python = (range: string) =>
        writeFileSync(
          join(app, "pyproject.toml"),
          `[project]\nname = "my-app"\nrequires-python = "${range}"\ndependencies = ${JSON.stringify(BASE)}\n`,
        );
      const hashes = () => parsePins(read("light.txt")).find(({ name }) => name === "minio")!.hashes;
      onTestFinished(() => {
        delete PACKAGES.minio[0].wheels;
        rmSync(join(folder, "cache"), { recursive: true });
      });
      python(">=3.11,<4");
      await lock();
      expect(hashes()).toHaveLength(1);
      PACKAGES.minio[0].wheels = ["py3-none-any", LINUX[0]];
      rmSync(join(folder, "cache"), { recursive: true });
      python(">=3.11");
      await lock();
      expect(hashes()).toHaveLength(2);
    });

    it("extra indexes in their order: the first one that has a package wins", async () => {
      const urls = [index.url("/z"), index.url("/cu121")];
      write([...BASE, "torch<3"], `[tool.uv]\nextra-index-url = ${JSON.stringify(urls)}\n`);
      await lock({ cpuIndex: undefined });
      expect(record().inputs["tool.uv"]["extra-index-url"]).toEqual(urls);
      expect(pins("torch.txt")).toEqual(["torch==1.9"]);
    });

    it("the sources of overrides and constraints", async () => {
      const wheel = await index.addWheel("h11-0.9-py3-none-any.whl");
      const source = `[tool.uv.sources]\nshared = { index = "z" }\nkombu = { index = "z" }\nh11 = { url = "${wheel}" }\n`;
      const z = `[[tool.uv.index]]\nname = "z"\nurl = "${index.url("/z")}"\nexplicit = true\n`;
      const lists = '[tool.uv]\noverride-dependencies = ["shared"]\nconstraint-dependencies = ["h11"]\n';
      write(BASE, lists + source + z);
      await lock({ choice: { overrides: ["kombu"] } });
      expect(pins("light.txt")).toEqual(expect.arrayContaining(["shared==0.9", "kombu==0.9"]));
      expect(pins("web.txt")).toContain(`h11 @ ${wheel}`);
    });

    it("an index with a password, which no lock file contains", async () => {
      const url = index.url("/z").replace("://", "://user:p4ssword@");
      write(BASE, `[[tool.uv.index]]\nname = "z"\nurl = "${url}"\n`);
      await lock();
      expect(pins("light.txt")).toContain("kombu==0.9");
      const files = readdirSync(join(locks, "my-app"));
      expect(files).toContain("light.txt");
      for (const file of files) expect(read(file)).not.toMatch(/user|p4ssword/);
      expect(JSON.stringify(vi.mocked(console.log).mock.calls)).not.toMatch(/user|p4ssword/);
    });

    it("a wheel URL with its hash, but none for another platform behind a marker", async () => {
      const wheels = {
        winsound: await index.addWheel("winsound-1.0-py3-none-win_amd64.whl"),
        linsound: await index.addWheel("linsound-1.0-py3-none-any.whl"),
      };
      const dependencies = Object.entries(wheels).map(
        ([name, url]) => `${name} @ ${url} ; sys_platform == '${name === "winsound" ? "win32" : "linux"}'`,
      );
      write([...BASE, ...dependencies]);
      await lock();
      for (const file of readdirSync(join(locks, "my-app")).filter((name) => name.endsWith(".txt"))) {
        expect(read(file)).not.toContain("winsound");
      }
      expect(parsePins(read("light.txt")).find(({ name }) => name === "linsound")).toEqual({
        name: "linsound",
        text: `linsound @ ${wheels.linsound}`,
        hashes: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
      });
    });
  });

  describe("packages that an image build compiles", () => {
    it("a package without a wheel is in a file of its own, with its hash and the reason", async () => {
      const hash = await index.addSource("/simple", "psycopg2", "1.0");
      write([...BASE, "torch", "psycopg2"]);
      await lock();
      expect(parsePins(read("light.source.txt"))).toEqual([
        { name: "psycopg2", text: "psycopg2==1.0", hashes: [hash] },
      ]);
      expect(record().compiled).toEqual({ psycopg2: "no wheel for Linux" });
      for (const file of ["light.txt", "torch.cpu.txt"]) expect(pins(file)).not.toContain("psycopg2==1.0");
      write([...BASE, "torch"]);
      await lock();
      expect(readdirSync(join(locks, "my-app"))).not.toContain("light.source.txt");
      expect(record().compiled).toEqual({});
    });

    it("a git dependency is pinned to a commit, in a file without hashes", async () => {
      const repository = join(folder, "da3");
      const git = async (...args: string[]) =>
        (
          await promisify(execFile)("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
            cwd: repository,
          })
        ).stdout.trim();
      mkdirSync(repository);
      writeFileSync(
        join(repository, "pyproject.toml"),
        '[project]\nname = "da3"\nversion = "1"\ndependencies = ["open3d"]\n',
      );
      await git("init", "-q");
      await git("add", ".");
      await git("commit", "-qm", "1");
      write([...BASE, "torch"], EXTRA("da3", `da3 @ git+file://${repository}`));
      await lock({ choice: { extras: ["da3"] } });
      const commit = await git("rev-parse", "HEAD");
      expect(parsePins(read("light.git.txt"))).toEqual([
        { name: "da3", text: `da3 @ git+file://${repository}@${commit}`, hashes: [] },
      ]);
      expect(pins("heavy.txt")).toContain("open3d==1.0");
      expect(record().compiled).toEqual({ da3: "from a git repository" });
      expect(readdirSync(join(locks, "my-app"))).not.toContain("light.cpu.txt");
    });
  });

  const SOURCE = (source: string) => `[tool.uv.sources]\nstripe = ${source}\n`;
  it.each<[title: string, dependencies: string[], more: string, choice: Options["choice"], message: RegExp]>([
    [
      "a path source",
      [...BASE, "stripe"],
      SOURCE('{ path = "../stripe" }'),
      {},
      /source of stripe in \[tool\.uv\.sources\] is a path.*publish/,
    ],
    [
      "a workspace source",
      [...BASE, "stripe"],
      SOURCE("{ workspace = true }"),
      {},
      /source of stripe .* is a workspace/,
    ],
    ["a path requirement", [...BASE, "a @ file:///srv/a"], "", {}, /"a @ file:\/\/\/srv\/a" is a path/],
    [
      "a URL with a password",
      [...BASE, "a @ https://user:p4ssword@example.org/a.whl"],
      "",
      {},
      /"a @ https:\/\/example\.org\/a\.whl" has a user or a password in its URL.*netrc/,
    ],
    [
      "an override with a password",
      BASE,
      "",
      { overrides: ["a @ https://user:p4ssword@example.org/a.whl"] },
      /"a @ https:\/\/example\.org\/a\.whl" has a user or a password/,
    ],
    [
      "a source with a password",
      [...BASE, "stripe"],
      SOURCE('{ git = "https://user:p4ssword@example.org/stripe.git" }'),
      {},
      /source of stripe in \[tool\.uv\.sources\] has a user or a password in its URL.*netrc/,
    ],
    [
      "a source of a constraint with a path",
      BASE,
      `[tool.uv]\nconstraint-dependencies = ["stripe"]\n${SOURCE('{ path = "../stripe" }')}`,
      {},
      /source of stripe .* is a path/,
    ],
    [
      "a constraint and an override with a path",
      BASE,
      '[tool.uv]\nconstraint-dependencies = ["a @ file:///srv/a"]\noverride-dependencies = ["b @ file:///srv/b"]\n',
      {},
      /"b @ file:\/\/\/srv\/b" is a path.*\n"a @ file:\/\/\/srv\/a" is a path/,
    ],
    [
      "a repository with SSH",
      [...BASE, "a @ git+ssh://git@example.org/a.git"],
      "",
      {},
      /^"a @ git\+ssh:\/\/example\.org\/a\.git" uses SSH.*use https/,
    ],
    [
      "a source with SSH",
      [...BASE, "stripe"],
      SOURCE('{ git = "ssh://git@example.org/stripe.git" }'),
      {},
      /^the source of stripe in \[tool\.uv\.sources\] uses SSH.*use https/,
    ],
    [
      "the app itself with an extra",
      [...BASE, "my.app[tsdf]"],
      EXTRA("tsdf", "open3d"),
      {},
      /"my\.app\[tsdf\]" is the app itself: list its extras in app\.extras/,
    ],
    [
      "an extra that does not exist",
      BASE,
      EXTRA("tsdf", "open3d"),
      { extras: ["da3"] },
      /no extra "da3": set app\.extras to names of pyproject\.toml \(tsdf\)/,
    ],
    ["a group that does not exist", BASE, "", { groups: ["gpu"] }, /no group "gpu".*\(none\)/],
    [
      "a group that includes itself",
      BASE,
      '[dependency-groups]\na = [{ include-group = "a" }]\n',
      { groups: ["a"] },
      /group a .*includes itself/,
    ],
    [
      "a setting of uv that a lock cannot use",
      BASE,
      "[tool.uv]\nno-binary = true\n",
      {},
      /\[tool\.uv\] no-binary .* is not supported/,
    ],
    [
      "torch only in an extra",
      BASE,
      EXTRA("gpu", "torch>=2"),
      {},
      /torch is only in a part of the app that is not chosen: add it to app\.extras \(--extra gpu\)/,
    ],
    [
      "Celery only in a group",
      BASE.filter((name) => name !== "celery"),
      '[dependency-groups]\nworker = [{ include-group = "a" }, "celery"]\na = []\n',
      {},
      /celery is only .* app\.groups \(--group worker\)/,
    ],
    [
      "no web server, Redis client, or object-store client",
      ["celery"],
      "",
      {},
      /does not require uvicorn.*\n.*redis.*\n.*minio.*app\.requirements/,
    ],
    [
      "a version of Python that no image has",
      BASE.concat("stripe"),
      "",
      { requirements: [">=3"] },
      /">=3" is not a requirement/,
    ],
  ])("refuses %s", async (_title, dependencies, more, choice, message) => {
    write(dependencies, more);
    await expect(lock({ choice })).rejects.toThrow(message);
    expect(() => readdirSync(locks)).toThrow("ENOENT");
  });

  it("a source of an extra applies if the extra is chosen", async () => {
    write([...BASE, "stripe"], `${EXTRA("local", "stripe")}${SOURCE('[{ path = "../stripe", extra = "local" }]')}`);
    await lock();
    expect(pins("light.txt")).toContain("stripe==2.0");
    await expect(lock({ choice: { extras: ["local"] } })).rejects.toThrow(/source of stripe .* is a path/);
  });
});
