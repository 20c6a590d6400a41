import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatPins, keepKnownHashes, parsePins } from "../../scripts/lock/pins";
import { lockProblems, recordedInputs } from "../../stack/lock/fit";
import type { LockRecord } from "../../stack/lock/fit";
import { pythonOfImage, pythonProblems } from "../../stack/lock/base-python";
import { CUDA_PACKAGES, EXCLUDED_PACKAGES, GROUP_ROOTS, groupFile, GROUPS } from "../../stack/lock/groups";
import { allRequirements, lockInputs } from "../../stack/lock/inputs";
import { readAppProject } from "../../stack/lock/project";
import type { LockChoice } from "../../stack/lock/project";
import { requirementName } from "../../stack/lock/requirement";
import { LOCK_ENVIRONMENT } from "../../stack/lock/targets";
import { ROOT } from "../../stack/root";

const LOCKS = join(ROOT, "images", "locks");
const APP = ["fastapi>=0.115", "celery[redis]>=5.4", "numpy>=1.26"];

const pyproject = (dependencies: readonly string[], more = "", tables = "") =>
  `[project]\nname = "My_App"\n${more}\ndependencies = ${JSON.stringify(dependencies)}\n${tables}`;

describe("lockProblems", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lock-test-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Writes a lock that was created from this project. Its files list no packages. */
  function write(text: string, choice: LockChoice = {}): void {
    const record: LockRecord = {
      inputs: recordedInputs(lockInputs(readAppProject(text), choice).inputs),
      withoutHashes: [],
      compiled: {},
      files: GROUPS.map((group) => `${group}.txt`),
    };
    writeFileSync(join(folder, "inputs.json"), JSON.stringify(record));
    for (const group of GROUPS) writeFileSync(join(folder, `${group}.txt`), "");
  }
  const problems = (text: string, choice: LockChoice = {}) => lockProblems(readAppProject(text), choice, folder, "dev");

  it("returns nothing for the same inputs in any order", () => {
    write(pyproject(APP, 'requires-python = ">=3.11, <4"'));
    expect(problems(pyproject([...APP].reverse(), 'requires-python = ">=3.11,<4"'))).toEqual([]);
  });

  it.each<[title: string, now: string, choice: LockChoice, value: string]>([
    [
      "a changed bound",
      pyproject([...APP.slice(1), "fastapi>=0.166"]),
      {},
      "dependencies.fastapi: fastapi>=0.166 (locked: fastapi>=0.115)",
    ],
    ["an added dependency", pyproject([...APP, "stripe>=11"]), {}, "dependencies.stripe: stripe>=11 (locked: not set)"],
    [
      "a second marker",
      pyproject([...APP, "numpy<2 ; python_version < '3.12'"]),
      {},
      "dependencies.numpy: numpy<2 ; python_version < '3.12' and numpy>=1.26 (locked: numpy>=1.26)",
    ],
    ["a removed dependency", pyproject(APP.slice(1)), {}, "dependencies.fastapi: not set (locked: fastapi>=0.115)"],
    ["a range of Python", pyproject(APP, 'requires-python = ">=3.12"'), {}, "requires-python: >=3.12 (locked: )"],
    [
      "a chosen extra",
      pyproject(APP, "", '[project.optional-dependencies]\ntsdf = ["open3d"]'),
      { extras: ["TSDF"] },
      "extras.tsdf.open3d: open3d (locked: not set)",
    ],
    [
      "an undeclared package",
      pyproject(APP),
      { requirements: ["ultralytics"] },
      "requirements.ultralytics: ultralytics (locked: not set)",
    ],
    ["an override", pyproject(APP), { overrides: ["numpy<2"] }, "overrides.numpy: numpy<2 (locked: not set)"],
    [
      "a constraint in [tool.uv]",
      pyproject(APP, "", '[tool.uv]\nconstraint-dependencies = ["numpy<2"]'),
      {},
      "tool.uv.constraint-dependencies.numpy: numpy<2 (locked: not set)",
    ],
    [
      "an index in [tool.uv]",
      pyproject(APP, "", '[[tool.uv.index]]\nname = "a"\nurl = "https://example.org/simple"'),
      {},
      'tool.uv.index: [{"name":"a","url":"https://example.org/simple"}] (locked: not set)',
    ],
    [
      "a package that is no longer excluded",
      pyproject([...APP, "triton"]),
      {},
      "excluded.triton: not set (locked: triton)",
    ],
  ])("names %s", (_title, now, choice, value) => {
    write(pyproject(APP));
    expect(problems(now, choice)).toContainEqual({ key: "app", value, remedy: "npm run lock -- --stack dev" });
  });

  it("ignores what no image installs", () => {
    write(pyproject(APP));
    const tables =
      '[project.optional-dependencies]\ndev = ["pytest"]\n[dependency-groups]\nlint = ["ruff"]\n' +
      '[tool.uv]\nmanaged = true\n[tool.uv.sources]\nruff = { path = "../ruff" }\n[tool.ruff]\nline-length = 120\n';
    expect(problems(pyproject(APP, "", tables))).toEqual([]);
  });

  it("names a missing lock, a missing file, and an inputs.json that is no JSON", () => {
    expect(problems(pyproject(APP))).toMatchObject([{ value: "a lock of the dependencies (locked: none)" }]);
    write(pyproject(APP));
    rmSync(join(folder, "torch.txt"));
    expect(problems(pyproject(APP))).toMatchObject([{ value: "torch.txt (locked: no such file)" }]);
    writeFileSync(join(folder, "torch.txt"), "");
    writeFileSync(join(folder, "inputs.json"), "<<<<<<< HEAD\n");
    expect(problems(pyproject(APP))).toMatchObject([
      { value: expect.stringContaining("inputs.json (locked: ") as string },
    ]);
  });

  it.each(["torch.cpu.txt", "light.source.txt", "heavy.git.txt"])("names a missing or an added %s", (file) => {
    write(pyproject(APP));
    writeFileSync(join(folder, file), "");
    expect(problems(pyproject(APP))).toMatchObject([{ value: `${file} (locked: not in inputs.json)` }]);
    const record = JSON.parse(readFileSync(join(folder, "inputs.json"), "utf8")) as LockRecord;
    writeFileSync(join(folder, "inputs.json"), JSON.stringify({ ...record, files: [...record.files, file] }));
    expect(problems(pyproject(APP))).toEqual([]);
    rmSync(join(folder, file));
    expect(problems(pyproject(APP))).toMatchObject([{ value: `${file} (locked: no such file)` }]);
  });

  it("contains no user name and no password of an index, and compares without them", () => {
    const index = (login: string) => `[[tool.uv.index]]\nname = "a"\nurl = "https://${login}example.org/simple"\n`;
    write(pyproject(APP, "", index("user:p4ssword@")));
    expect(readFileSync(join(folder, "inputs.json"), "utf8")).not.toMatch(/user|p4ssword/);
    expect(problems(pyproject(APP, "", index("")))).toEqual([]);
    const text = JSON.stringify(problems(pyproject([...APP, "b @ https://other:s3cret@example.org/b.whl"])));
    expect(text).toContain("https://example.org/b.whl");
    expect(text).not.toMatch(/other|s3cret|user:|p4ssword/);
  });

  it("lists all problems of the settings app.* and of [tool.uv]", () => {
    const text = pyproject([...APP, "a @ file:///srv/a"], "", "[tool.uv]\nno-binary = true\n");
    expect(problems(text, { extras: ["tsdf"], groups: ["gpu"] }).map(({ remedy }) => remedy)).toEqual([
      expect.stringContaining('no extra "tsdf"'),
      expect.stringContaining('no group "gpu"'),
      expect.stringContaining("[tool.uv] no-binary"),
      expect.stringContaining('"a @ file:///srv/a" is a path'),
    ]);
  });
});

describe("the Python of a base", () => {
  const CUDA = "nvidia/cuda:13.0.2-base-ubuntu24.04";
  it.each<[base: string, python: string | undefined]>([
    ["python:3.12-slim", "3.12"],
    ["registry.example.com/mirror/python:3.13.1-bookworm@sha256:0", "3.13"],
    [CUDA, "3.12"],
    ["nvidia/cuda:12.4.1-runtime-ubuntu22.04", "3.14"],
    ["debian:bookworm-slim", "3.11"],
    ["debian:trixie", "3.13"],
    ["registry.example.com/base@sha256:0", undefined],
  ])("%s is %s", (base, python) => {
    expect(pythonOfImage(base, "3.14")).toBe(python);
  });

  it.each<[range: string, keys: string[]]>([
    ["", []],
    [">=3.11", []],
    [">=3.10,<3.12", ["bases.gpu", "bases.cpu"]],
    ["==3.11.*", ["bases.gpu", "bases.cpu"]],
    [">=3.12.4,<3.13", []],
    ["~=3.12", []],
  ])("is compared with the range %j of the app", (range, keys) => {
    const problems = pythonProblems(range, { gpu: CUDA, cpu: "python:3.12-slim" }, "3.12");
    expect(problems.map(({ key }) => key)).toEqual(keys);
    for (const { remedy } of problems) expect(remedy).toContain(`Python 3.12, and the app requires "${range}"`);
  });
});

describe("a lock file", () => {
  it("is the same for the same pins in any order, and is unchanged after it is parsed and formatted", () => {
    const pins = parsePins(
      `b-x==1 ; ${LOCK_ENVIRONMENT} \\\n    --hash=sha256:2 --hash=sha256:1\n# comment\n` +
        `B==2 ; python_full_version < '3.12' and ${LOCK_ENVIRONMENT} --hash=sha256:3\n`,
    );
    const text = formatPins("title", pins);
    expect(text).toBe(
      "# title, created by `npm run lock`; do not edit.\n" +
        "B==2 ; python_full_version < '3.12' \\\n    --hash=sha256:3\n" +
        "b-x==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n",
    );
    expect(formatPins("title", [...pins].reverse())).toBe(text);
    expect(formatPins("title", parsePins(text))).toBe(text);
  });

  it("with a line that pins no package is rejected", () => {
    expect(() => parsePins("a>=1")).toThrow('"a>=1" pins no package');
    expect(() => parsePins("a==1\n<<<<<<< HEAD\n")).toThrow('"<<<<<<< HEAD" pins no package');
  });

  it("keeps its hashes while the index has all of them", () => {
    const pin = (text: string, ...hashes: string[]) => ({ name: "a", text, hashes });
    const keep = (now: string[], before: string[]) =>
      keepKnownHashes([pin("a==1 ; python_version > '3'", ...now)], [pin("a==1", ...before)])[0].hashes;
    expect(keep(["1", "2", "3"], ["1", "2"])).toEqual(["1", "2"]);
    expect(keep(["2", "3"], ["1", "2"])).toEqual(["2", "3"]);
    expect(keep(["1"], [])).toEqual(["1"]);
    expect(keepKnownHashes([pin("a==2", "3")], [pin("a==1", "1")])[0].hashes).toEqual(["3"]);
  });

  it("for the CPU replaces that of its group", () => {
    const files = ["torch.txt", "torch.cpu.txt", "heavy.txt"];
    expect(groupFile("torch", "gpu", files)).toBe("torch.txt");
    expect(groupFile("torch", "cpu", files)).toBe("torch.cpu.txt");
    expect(groupFile("heavy", "cpu", files)).toBe("heavy.txt");
  });
});

describe.each(readdirSync(LOCKS))("the committed lock of %s", (name) => {
  const files = readdirSync(join(LOCKS, name)).filter((file) => file.endsWith(".txt"));
  const texts = Object.fromEntries(files.map((file) => [file, readFileSync(join(LOCKS, name, file), "utf8")]));
  const names = (file: string) => [...new Set(parsePins(texts[file]).map((pin) => pin.name))];
  const {
    inputs,
    withoutHashes,
    files: recorded,
  } = JSON.parse(readFileSync(join(LOCKS, name, "inputs.json"), "utf8")) as LockRecord;

  it("has the files that inputs.json lists", () => {
    expect(recorded).toEqual([...files].sort());
  });

  it("has each package in one group only, and the web server only in web.txt", () => {
    const grouped = GROUPS.flatMap((group) => names(`${group}.txt`));
    expect(new Set(grouped).size).toBe(grouped.length);
    expect(names("web.txt")).toContain("uvicorn");
    expect(names("torch.txt").filter((one) => !GROUP_ROOTS.torch.includes(one))).toEqual([]);
    expect(names("cuda.txt").filter((one) => !CUDA_PACKAGES.test(one))).toEqual([]);
    expect(grouped.filter((one) => one in EXCLUDED_PACKAGES)).toEqual([]);
    expect(grouped).toEqual(expect.arrayContaining(allRequirements(inputs).map(requirementName)));
  });

  it("has the same versions for the CPU as for the GPU, without CUDA", () => {
    const versions = (variant: "gpu" | "cpu") =>
      GROUPS.filter((group) => group !== "cuda")
        .flatMap((group) => parsePins(texts[groupFile(group, variant, files)]))
        .map(({ text }) => text.replace(/[+ ].*/, ""));
    expect(new Set(versions("cpu"))).toEqual(new Set(versions("gpu")));
    expect(versions("cpu").filter((pin) => CUDA_PACKAGES.test(pin))).toEqual([]);
  });

  it("has hashes, except those that inputs.json lists as missing", () => {
    const bare = files.flatMap((file) => parsePins(texts[file]).filter(({ hashes }) => hashes.length === 0));
    expect([...new Set(bare.map(({ text }) => text))]).toEqual(withoutHashes);
    expect(withoutHashes.filter((pin) => !GROUP_ROOTS.torch.includes(requirementName(pin)))).toEqual([]);
  });

  it("contains no index URL, and has the format that `npm run lock` writes", () => {
    for (const [file, text] of Object.entries(texts)) {
      expect(text).not.toMatch(/:\/\/|--(extra-)?index|--find-links/);
      expect(formatPins(`${name}: ${file}`, parsePins(text))).toBe(text);
    }
  });
});

it("the lock of the sample app fits its pyproject.toml", () => {
  const project = readFileSync(join(ROOT, "sample-app", "pyproject.toml"), "utf8");
  expect(lockProblems(readAppProject(project), {}, join(LOCKS, "sample-app"), "local")).toEqual([]);
});
