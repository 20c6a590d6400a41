import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeLock } from "../../scripts/lock/make-lock";
import { parsePins } from "../../scripts/lock/pins";
import type { LockRecord } from "../../stack/lock/fit";
import type { LockChoice } from "../../stack/lock/project";

/** The newest versions that a lock can have, so that later releases do not change the results. */
const EXCLUDE_NEWER = "2026-10-01T00:00:00Z";

/** uv reads metadata and builds some, on a machine that also runs other tests. In milliseconds. */
const TIMEOUT = 120_000;

const BASE = ["uvicorn[standard]", "celery[redis]", "redis", "minio"];

const reached = () => spawnSync("uv", ["pip", "compile", "-q", "--no-deps", "-"], { input: "minio" }).status === 0;

describe.skipIf(!process.env.CI && !reached())("npm run lock with the packages on PyPI (requires uv and PyPI)", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lock-pypi-"));
    vi.stubEnv("UV_EXCLUDE_NEWER", EXCLUDE_NEWER);
    vi.spyOn(console, "log").mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** Locks an app with these dependencies. The index of the CPU builds is not read. */
  async function lock(dependencies: readonly string[], choice: LockChoice, tables = "") {
    const app = join(folder, "app");
    mkdirSync(app);
    const project = `name = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ${JSON.stringify(dependencies)}`;
    writeFileSync(join(app, "pyproject.toml"), `[project]\n${project}\n${tables}`);
    await makeLock({ app, choice, locks: join(folder, "locks") });
    const files = join(folder, "locks", "app");
    const read = (file: string) => readFileSync(join(files, file), "utf8");
    return {
      files: readdirSync(files),
      names: (file: string) => parsePins(read(file)).map(({ name }) => name),
      pins: (file: string) => parsePins(read(file)),
      record: JSON.parse(read("inputs.json")) as LockRecord,
    };
  }

  it(
    "tsdf and ultralytics: an override leaves one OpenCV package, and the CPU image has the same packages without CUDA",
    { timeout: TIMEOUT },
    async () => {
      const { files, names, record } = await lock(
        [...BASE, "torch>=2.5", "torchvision>=0.20", "numpy>=1.26", "opencv-python-headless>=4.10"],
        {
          extras: ["tsdf"],
          requirements: ["ultralytics"],
          overrides: ["opencv-python ; sys_platform == 'never'"],
        },
        '[project.optional-dependencies]\ntsdf = ["open3d>=0.18"]\n',
      );
      const all = files.filter((file) => file.endsWith(".txt")).flatMap(names);
      expect(all.filter((name) => name.startsWith("opencv"))).toEqual(["opencv-python-headless"]);
      expect(names("heavy.txt")).toEqual(expect.arrayContaining(["open3d", "opencv-python-headless"]));
      expect(names("light.txt")).toContain("ultralytics");
      expect(new Set(names("torch.txt"))).toEqual(new Set(["torch", "torchvision"]));
      expect(names("cuda.txt")).toContain("nvidia-cudnn-cu13");
      expect(files.filter((file) => file.includes(".cpu."))).toEqual(["torch.cpu.txt"]);
      expect(record.compiled).toEqual({});
    },
  );

  it(
    "insightface and psycopg2 have no wheel: they are listed as compiled, each with its hash",
    { timeout: TIMEOUT },
    async () => {
      const { files, pins, record } = await lock(BASE, { requirements: ["insightface==0.7.3", "psycopg2==2.9.13"] });
      expect(record.compiled).toEqual({ insightface: "no wheel for Linux", psycopg2: "no wheel for Linux" });
      expect(pins("light.source.txt")).toEqual([
        {
          name: "insightface",
          text: "insightface==0.7.3",
          hashes: ["sha256:f191f719612ebb37018f41936814500544cd0f86e6fcd676c023f354c668ddf7"],
        },
        {
          name: "psycopg2",
          text: "psycopg2==2.9.13",
          hashes: ["sha256:d36784fc2dae69523ba4b79c7d1d1b4d6e83e87836874f111262f4db940b16a6"],
        },
      ]);
      expect(pins("heavy.txt").map(({ name }) => name)).toContain("scikit-image");
      expect(files.filter((file) => file.endsWith(".source.txt"))).toEqual(["light.source.txt"]);
    },
  );
});
