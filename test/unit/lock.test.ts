import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findCpuBuilds } from "../../scripts/lock/pytorch-index";
import { formatLockFile, parseLockFile, readLockFiles } from "../../stack/lock/file";
import { lockProblems } from "../../stack/lock/fit";
import { CUDA_PACKAGES, EXCLUDED_PACKAGES, GROUPS, groupOf, heavyFiles } from "../../stack/lock/groups";
import { parseMarker } from "../../stack/lock/marker";
import { parsePins, pinText } from "../../stack/lock/pin";
import type { Pin } from "../../stack/lock/pin";
import { readAppProject } from "../../stack/lock/project";
import { simplifyMarker } from "../../stack/lock/simplify-marker";
import { ROOT } from "../../stack/root";

const SHA = (digit: string): string => digit.repeat(64);

function pyproject(dependencies: readonly string[], more = ""): string {
  return `[project]\nname = "My_App"\n${more}\ndependencies = ${JSON.stringify(dependencies)}\n`;
}

/** A lock file with the given lines. Each line gets a hash. */
function lockFile(roots: readonly string[], lines: readonly string[], python = "3.11"): string {
  return formatLockFile(
    { roots, python, pins: parsePins(lines.map((line) => `${line} --hash=sha256:${SHA("a")}`).join("\n")) },
    "test",
  );
}

const APP = ["fastapi>=0.115", "celery[redis]>=5.4", "numpy>=1.26", "uvicorn[standard]>=0.32"];
const LOCK = {
  "heavy.txt": lockFile(
    ["numpy"],
    ["numpy==2.4.6 ; python_full_version < '3.12'", "numpy==2.5.5 ; python_full_version >= '3.12'"],
  ),
  "light.txt": lockFile(["fastapi", "celery[redis]"], ["celery==5.7.0", "fastapi==0.165.0", "redis==8.1.0"]),
  "web.txt": lockFile(["uvicorn[standard]"], ["uvicorn==0.54.0"]),
};
const TORCH_APP = [...APP, "torch>=2.5"];
const TORCH_LOCK = {
  ...LOCK,
  "heavy.txt": lockFile(["numpy", "torch"], ["numpy==2.5.5", "torch==2.15.0", "nvidia-cublas==13.4.1.3"]),
  "heavy.cpu.txt": lockFile(["numpy"], ["numpy==2.5.5"]),
  "torch.cpu.txt": "# For: torch\ntorch==2.15.0\n",
};

describe("lockProblems", () => {
  it("returns nothing if the lock matches the app, in any order and spelling", () => {
    expect(lockProblems(pyproject([...APP].reverse().map((text) => text.replace("numpy", "NumPy"))), LOCK)).toEqual([]);
    expect(lockProblems(pyproject(TORCH_APP), TORCH_LOCK)).toEqual([]);
  });

  it("accepts a changed version bound that the pin still satisfies", () => {
    expect(lockProblems(pyproject(APP.map((text) => text.replace(">=0.115", ">=0.165,<0.166"))), LOCK)).toEqual([]);
  });

  it("reports a pin that no longer satisfies the requirement, and the command that fixes it", () => {
    expect(lockProblems(pyproject(APP.map((text) => text.replace(">=0.115", ">=0.166"))), LOCK)).toEqual([
      {
        requirement: "fastapi>=0.166",
        locked: "0.165.0 in light.txt",
        remedy: "npm run lock -- --app PATH --name my-app",
      },
    ]);
    const [problem] = lockProblems(pyproject(["fastapi>=1"]), LOCK, { path: "../app", name: "app" });
    expect(problem.remedy).toBe("npm run lock -- --app ../app --name app");
  });

  it("checks each version of Python", () => {
    expect(lockProblems(pyproject(APP.map((text) => text.replace(">=1.26", ">=2.5"))), LOCK)).toMatchObject([
      { requirement: "numpy>=2.5", locked: "2.4.6 in heavy.txt" },
    ]);
    expect(
      lockProblems(
        pyproject(
          APP.map((text) => text.replace(">=1.26", ">=2.5")),
          'requires-python = ">=3.12"',
        ),
        LOCK,
      ),
    ).toEqual([]);
    const only312 = { ...LOCK, "heavy.txt": lockFile(["numpy"], ["numpy==2.5.5 ; python_full_version >= '3.12'"]) };
    expect(lockProblems(pyproject(APP), only312)).toMatchObject([
      { requirement: "numpy>=1.26", locked: "no pin on Python 3.11.0, x86_64" },
    ]);
  });

  it("reports an added dependency once", () => {
    const problems = lockProblems(pyproject([...TORCH_APP, "stripe>=11"]), TORCH_LOCK);
    expect(problems).toMatchObject([{ requirement: "stripe>=11", locked: "no pin in heavy.txt, light.txt, web.txt" }]);
  });

  it("reports an added dependency that is in the lock only as a dependency of another package", () => {
    expect(lockProblems(pyproject([...APP, "redis>=5"]), LOCK)).toMatchObject([
      { requirement: "redis>=5", locked: "light.txt was not created for it" },
    ]);
  });

  it("reports an added or removed extra", () => {
    expect(lockProblems(pyproject(APP.map((text) => text.replace("fastapi", "fastapi[all]"))), LOCK)).toMatchObject([
      { requirement: "fastapi[all]>=0.115" },
      { requirement: "no fastapi in light dependencies" },
    ]);
    expect(lockProblems(pyproject(APP.map((text) => text.replace("[redis]", ""))), LOCK)).toMatchObject([
      { requirement: "celery>=5.4" },
      { requirement: "no celery[redis] in light dependencies" },
    ]);
  });

  it("reports a removed dependency", () => {
    expect(lockProblems(pyproject(APP.filter((text) => !text.startsWith("numpy"))), LOCK)).toMatchObject([
      { requirement: "no numpy in heavy dependencies", locked: "heavy.txt was created for it" },
    ]);
  });

  it("ignores dependencies that never apply on Linux, and optional dependencies", () => {
    const more = 'optional-dependencies = { dev = ["pytest"], git = ["a @ git+https://example.org/a.git"] }';
    expect(lockProblems(pyproject([...APP, "pywin32>=300 ; sys_platform == 'win32'"], more), LOCK)).toEqual([]);
  });

  it("also checks the CPU variant", () => {
    const other = { ...TORCH_LOCK, "torch.cpu.txt": "# For: torch\ntorch==2.4.1\n" };
    expect(lockProblems(pyproject(TORCH_APP), other)).toMatchObject([
      { requirement: "torch>=2.5", locked: "2.4.1 in torch.cpu.txt" },
    ]);
    const twice = { ...TORCH_LOCK, "heavy.cpu.txt": lockFile(["numpy"], ["numpy==2.5.5", "torch==2.15.0"]) };
    expect(lockProblems(pyproject(TORCH_APP), twice)[0].locked).toMatch(
      /^2.15.0 in torch.cpu.txt and 2.15.0 in heavy.cpu.txt/,
    );
  });

  it("treats a local version as the version that it is a build of", () => {
    const local = { ...TORCH_LOCK, "torch.cpu.txt": "# For: torch\ntorch==2.15.0+cpu\n" };
    expect(
      lockProblems(pyproject(TORCH_APP.map((text) => text.replace("torch>=2.5", "torch==2.15.0"))), local),
    ).toEqual([]);
  });

  it("reports a missing lock, a missing file and a missing hash", () => {
    expect(lockProblems(pyproject(APP), {})).toMatchObject([{ locked: "none" }]);
    expect(
      lockProblems(pyproject(APP), { "heavy.txt": LOCK["heavy.txt"], "light.txt": LOCK["light.txt"] }),
    ).toMatchObject([{ requirement: "web.txt", locked: "no such file in the lock" }]);
    expect(lockProblems(pyproject(TORCH_APP), { ...LOCK, "torch.cpu.txt": "" })).toMatchObject([
      { requirement: "heavy.cpu.txt" },
    ]);
    const bare = { ...LOCK, "web.txt": "# For: uvicorn[standard]\nuvicorn==0.54.0\n" };
    expect(lockProblems(pyproject(APP), bare)).toMatchObject([
      { requirement: "a hash of uvicorn", locked: "none in web.txt" },
    ]);
  });

  it("reports a lock whose lowest Python version is higher than that of the app", () => {
    const later = {
      ...LOCK,
      "light.txt": lockFile(["fastapi", "celery[redis]"], ["celery==5.7.0", "fastapi==0.165.0"], "3.12"),
    };
    expect(lockProblems(pyproject(APP), later)).toMatchObject([
      { requirement: "Python 3.11", locked: "light.txt is for Python 3.12 and later" },
    ]);
    expect(lockProblems(pyproject(APP, 'requires-python = ">=3.12"'), later)).toEqual([]);
  });

  it.each([
    ["= nonsense", /Invalid TOML/],
    ["[tool.x]", /no project.name/],
    ['[project]\nname = "a"\ndynamic = ["dependencies"]', /dynamic/],
    ['[project]\nname = "a"\ndependencies = { a = ">=1" }', /is not a list of strings/],
    [pyproject(["a @ git+https://example.org/a.git"]), /cannot be locked by hash/],
    [pyproject(["a >> 1"]), /cannot read "a >> 1"/],
    [pyproject([], 'requires-python = "<3.11"'), /allows no Python version from 3\.11 on/],
    [pyproject(["a ; platform_release == '6'"]), /its value differs between machines/],
  ])("rejects a pyproject.toml that cannot be locked: %j", (text, message) => {
    const [problem] = lockProblems(text, LOCK);
    expect(problem).toMatchObject({ requirement: "pyproject.toml", locked: expect.stringMatching(message) as string });
  });

  it.each([
    pyproject(["a @ git+https://user:p4ssword@example.org/a.git"]),
    pyproject(["a >> 1 @ https://user:p4ss@word@example.org"]),
    '[project]\nname = "a"\ndependencies = ["a @ https://user:p4ssword@example.org/a.whl" "b"]',
  ])("reports no user name and no password of a URL: %j", (text) => {
    const problems = JSON.stringify(lockProblems(text, LOCK));
    expect(problems).toContain("://example.org");
    expect(problems).not.toMatch(/user|p4ss|word/);
  });
});

describe("markers", () => {
  const simplify = (marker: string): string | boolean => {
    const simple = simplifyMarker(parseMarker(marker));
    return typeof simple === "boolean"
      ? simple
      : pinText({ name: "a", version: "1", hashes: [], marker: simple }).slice("a==1 ; ".length);
  };

  it.each([
    ["sys_platform == 'linux' and (platform_machine == 'x86_64' or platform_machine == 'aarch64')", true],
    ["platform_python_implementation != 'PyPy'", true],
    ["sys_platform == 'win32' or os_name == 'nt'", false],
    ["python_version < '3.11'", false],
    ["python_version >= '3.11'", true],
    ["extra == 'dev'", false],
    ["python_full_version < '3.11.3' and sys_platform == 'linux'", "python_full_version < '3.11.3'"],
    ["platform_machine == 'aarch64' and sys_platform == 'linux'", "platform_machine == 'aarch64'"],
    [
      "(python_version < '3.13' or sys_platform == 'win32') and platform_machine == 'x86_64'",
      "python_version < '3.13' and platform_machine == 'x86_64'",
    ],
    [
      "platform_machine == 'x86_64' and (python_version < '3.12' or python_version >= '3.14')",
      "platform_machine == 'x86_64' and (python_version < '3.12' or python_version >= '3.14')",
    ],
    ["'linux' in sys_platform", true],
    ["python_full_version <= '3.12'", "python_full_version <= '3.12'"],
    ["python_full_version != '3.12.4'", "python_full_version != '3.12.4'"],
    [
      "python_full_version <= '3.12' or python_full_version >= '3.13'",
      "python_full_version <= '3.12' or python_full_version >= '3.13'",
    ],
  ])("%s", (marker, simple) => {
    expect(simplify(marker)).toBe(simple);
  });
});

describe("a lock file", () => {
  it("is the same for the same pins in any order, and is unchanged after it is parsed and formatted", () => {
    const pins: Pin[] = parsePins(
      "b-x==1 --hash=sha256:2 --hash=sha256:1\nB==2 ; python_version < '3.12' --hash=sha256:3\n",
    );
    const file = { roots: ["b", "b-x"], python: "3.11", pins };
    const text = formatLockFile(file, "title");
    expect(text).toBe(
      "# title\n# Python >= 3.11 on Linux, x86_64 and aarch64\n# For: b b-x\n" +
        "b==2 ; python_version < '3.12' \\\n    --hash=sha256:3\n" +
        "b-x==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n",
    );
    expect(formatLockFile({ ...file, roots: ["b-x", "b"], pins: [...pins].reverse() }, "title")).toBe(text);
    expect(formatLockFile(parseLockFile(text), "title")).toBe(text);
  });

  it("with a line that pins no version is rejected", () => {
    expect(() => parsePins("a>=1")).toThrow('"a>=1" does not pin a version');
    expect(() => parsePins("a==1\n<<<<<<< HEAD\n")).toThrow('cannot read "<<<<<<< HEAD"');
  });

  it("for the CPU variant puts the CPU build of torch first, if there is one", () => {
    expect(heavyFiles("gpu", Object.keys(TORCH_LOCK))).toEqual(["heavy.txt"]);
    expect(heavyFiles("cpu", Object.keys(TORCH_LOCK))).toEqual(["torch.cpu.txt", "heavy.cpu.txt"]);
    expect(heavyFiles("cpu", Object.keys(LOCK))).toEqual(["heavy.txt"]);
  });

  it("starts at the lowest Python version of the app", () => {
    const python = (spec: string): string => readAppProject(pyproject([], `requires-python = "${spec}"`)).python;
    expect([">=3.9", ">=3.11.4", ">=3.12,<3.14", "~=3.13.1"].map(python)).toEqual(["3.11", "3.11", "3.12", "3.13"]);
  });
});

describe("CPU builds of torch", () => {
  let server: Server | undefined;
  /** The Authorization header of the last request. */
  let authorization: string | undefined;
  const stop = (): Promise<void> => new Promise((done) => (server ? server.close(() => done()) : done()));
  afterEach(async () => {
    await stop();
    server = undefined;
  });

  /** Starts a simple index with the given pages, in the layout of the PyTorch index. */
  async function index(pages: Readonly<Record<string, readonly string[]>>): Promise<string> {
    const created = createServer((request, response) => {
      const links = pages[request.url ?? ""];
      authorization = request.headers.authorization;
      response.writeHead(links ? 200 : 404, { "content-type": "text/html", connection: "close" });
      response.end(
        `<!DOCTYPE html><html><body>${(links ?? []).map((href) => `<a href="${href}">x</a><br/>`).join("\n")}</body></html>`,
      );
    });
    server = created;
    await new Promise<void>((done) => created.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(created.address() as AddressInfo).port}/whl/cpu`;
  }
  const TORCH: Pin = { name: "torch", version: "2.15.0", hashes: [] };
  const VISION: Pin = { name: "torchvision", version: "0.29.2", hashes: [] };
  const wheel = (name: string, digit: string): string => `/whl/cpu/${name}.whl#sha256=${SHA(digit)}`;
  const hashes = (...digits: string[]): string[] => digits.map((digit) => `sha256:${SHA(digit)}`);

  it("are the builds that an image can install, with the versions of the index", async () => {
    const url = await index({
      "/whl/cpu/torch/": [
        wheel("torch-2.15.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64", "2"),
        wheel("torch-2.15.0%2Bcpu-cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64", "1"),
        wheel("torch-2.15.0%2Bcpu-cp313-cp313-linux_x86_64", "3"),
        wheel("torch-2.15.0%2Bcpu-cp310-cp310-linux_x86_64", "4"),
        wheel("torch-2.15.0%2Bcpu-cp312-cp312-win_amd64", "5"),
        wheel("torch-2.15.0-cp312-none-macosx_11_0_arm64", "6"),
        wheel("torch-2.15.0%2Bcpu-cp312-cp312-linux_s390x", "7"),
        wheel("torch-2.14.0%2Bcpu-cp312-cp312-linux_x86_64", "8"),
        wheel("torch-2.15.0%2Bcu130-cp312-cp312-linux_x86_64", "9"),
        wheel("torch-2.15.0%2Bcpu.cxx11.abi-cp312-cp312-linux_x86_64", "a"),
        wheel("torch-2.15.0%2Bcpu-cp312-cp312-musllinux_1_2_x86_64", "e"),
        "/whl/cpu/torch-2.15.0.tar.gz",
      ],
      "/whl/cpu/torchvision/": [
        wheel("torchvision-0.29.2%2Bcpu-cp39-abi3-manylinux_2_28_x86_64", "b"),
        wheel("torchvision-0.29.2-cp312-cp312-manylinux_2_28_x86_64", "c"),
        wheel("torchvision-0.29.2-cp312-cp312-manylinux_2_28_aarch64", "d"),
      ],
    });
    const found = await findCpuBuilds(`${url}/`, [TORCH, VISION], "3.11");
    const pins = "pins" in found ? found.pins : [];
    expect(pins.map((pin) => [pinText(pin), pin.hashes])).toEqual([
      ["torch==2.15.0+cpu", hashes("1", "2", "3")],
      ["torchvision==0.29.2+cpu ; platform_machine == 'x86_64'", hashes("b")],
      ["torchvision==0.29.2 ; platform_machine == 'aarch64'", hashes("d")],
    ]);
    const lock = { ...TORCH_LOCK, "torch.cpu.txt": formatLockFile({ roots: ["torch"], pins }, "test") };
    expect(lockProblems(pyproject(TORCH_APP), lock)).toEqual([]);
  });

  it("are not guessed if the index cannot be reached; the reason is returned", async () => {
    const url = await index({});
    expect(await findCpuBuilds(url, [TORCH], "3.11")).toEqual({ unreachable: `${url}/torch/ returned HTTP 404` });
    await stop();
    const refused = { unreachable: expect.stringMatching(/torch\/: .*ECONNREFUSED/) as string };
    expect(await findCpuBuilds(url, [TORCH], "3.11")).toEqual(refused);
  });

  it("are found on an index with a user name and a password, which are in no message", async () => {
    const page = [
      wheel("torch-2.15.0-cp312-cp312-linux_x86_64", "1"),
      wheel("torch-2.15.0-cp312-cp312-linux_aarch64", "2"),
    ];
    const url = await index({ "/whl/cpu/torch/": page });
    const withLogin = url.replace("://", "://user:p%40ssword@");
    expect(await findCpuBuilds(withLogin, [TORCH], "3.11")).toEqual({ pins: [{ ...TORCH, hashes: hashes("1", "2") }] });
    expect(authorization).toBe(`Basic ${Buffer.from("user:p@ssword").toString("base64")}`);
    expect(await findCpuBuilds(withLogin, [VISION], "3.11")).toEqual({
      unreachable: `${url}/torchvision/ returned HTTP 404`,
    });
    await expect(findCpuBuilds(withLogin, [{ ...TORCH, version: "3" }], "3.11")).rejects.toThrow(
      `${url}/torch/ has no torch 3 for Linux on x86_64`,
    );
    await stop();
    const refused = { unreachable: expect.stringMatching(`^${url}/torch/: .*ECONNREFUSED`) as string };
    expect(await findCpuBuilds(withLogin, [TORCH], "3.11")).toEqual(refused);
  });

  it("must exist for each machine architecture", async () => {
    const url = await index({ "/whl/cpu/torch/": [wheel("torch-2.15.0%2Bcpu-cp312-cp312-linux_x86_64", "1")] });
    await expect(findCpuBuilds(url, [TORCH], "3.11")).rejects.toThrow("has no torch 2.15.0 for Linux on aarch64");
  });

  it("must each have a hash", async () => {
    const url = await index({ "/whl/cpu/torch/": ["torch-2.15.0%2Bcpu-cp312-cp312-linux_x86_64.whl"] });
    await expect(findCpuBuilds(url, [TORCH], "3.11")).rejects.toThrow(
      "has no sha256 hash of torch-2.15.0+cpu-cp312-cp312-linux_x86_64.whl",
    );
  });
});

describe.each(readdirSync(join(ROOT, "images", "locks")))("the committed lock of %s", (name) => {
  const texts = readLockFiles(join(ROOT, "images", "locks", name));
  const files = Object.fromEntries(Object.entries(texts).map(([file, text]) => [file, parseLockFile(text)]));
  const lines = (file: string): string[] => files[file].pins.map(pinText);

  it("has each package in one group only, and the web server only in web.txt", () => {
    const grouped = GROUPS.flatMap((group) => [...new Set(files[`${group}.txt`].pins.map((pin) => pin.name))]);
    expect(new Set(grouped).size).toBe(grouped.length);
    expect(files["web.txt"].pins.map((pin) => pin.name)).toContain("uvicorn");
    for (const group of ["heavy", "light"] as const) {
      expect(files[`${group}.txt`].roots.map((root) => groupOf(root.replace(/\[.*/, "")))).not.toContain("web");
    }
  });

  it("has the same packages for the CPU as for the GPU, without CUDA", () => {
    // A CPU build has the version X+cpu, in some cases on one architecture only.
    const cpu = heavyFiles("cpu", Object.keys(files)).flatMap((file) =>
      lines(file).map((line) => (file === "torch.cpu.txt" ? line.replace(/[+ ].*/, "") : line)),
    );
    expect(lines("heavy.txt")).toEqual(expect.arrayContaining(cpu));
    expect(cpu.filter((line) => CUDA_PACKAGES.test(line))).toEqual([]);
    const names = cpu.map((line) => line.replace(/==.*/, ""));
    expect(names).toEqual(expect.arrayContaining(files["heavy.txt"].roots.map((root) => root.replace(/\[.*/, ""))));
    const all = Object.values(files).flatMap((file) => file.pins.map((pin) => pin.name));
    expect(all.filter((pin) => pin in EXCLUDED_PACKAGES)).toEqual([]);
  });

  it("contains no index URL, and has the format that `npm run lock` writes", () => {
    for (const [file, text] of Object.entries(texts)) {
      expect(text).not.toMatch(/:\/\/|--(extra-)?index|--find-links/);
      expect(formatLockFile(files[file], text.split("\n")[0].slice(2))).toBe(text);
    }
  });
});

it("the lock of the sample app matches its pyproject.toml", () => {
  const project = readFileSync(join(ROOT, "sample-app", "pyproject.toml"), "utf8");
  expect(lockProblems(project, readLockFiles(join(ROOT, "images", "locks", "sample-app")))).toEqual([]);
});
