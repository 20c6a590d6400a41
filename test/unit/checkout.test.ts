import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openApp } from "../../stack/app/source";
import { ROOT } from "../../stack/root";

const WITH_CREDENTIALS = "https://me:hunter2@git.example.com/app.git";

let repository: string;
let commit: string;
const checkouts = new Set<string>();

const open = async (url: string, ref: string, folder?: string) => {
  const source = await openApp({ repository: url, ref, folder });
  checkouts.add(folder ? join(source.folder, relative(folder, ".")) : source.folder);
  return source;
};

const git = (folder: string, ...args: string[]) =>
  execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
    encoding: "utf8",
    stdio: "pipe",
  }).trim();

/** Creates a repository with one commit on the branch `trunk`. Returns its folder. */
function createRepository(fill: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "app-"));
  checkouts.add(folder);
  git(folder, "init", "-q", "-b", "trunk");
  fill(folder);
  git(folder, "add", ".");
  git(folder, "commit", "-qm", "app");
  return folder;
}

/** Sets options of git for the test that is running. */
function gitOptions(options: Record<string, string>): void {
  const entries = Object.entries(options);
  vi.stubEnv("GIT_CONFIG_COUNT", String(entries.length));
  entries.forEach(([key, value], index) => {
    vi.stubEnv(`GIT_CONFIG_KEY_${index}`, key);
    vi.stubEnv(`GIT_CONFIG_VALUE_${index}`, value);
  });
}

beforeAll(() => {
  repository = createRepository((folder) => cpSync(join(ROOT, "sample-app"), folder, { recursive: true }));
  commit = git(repository, "rev-parse", "HEAD");
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => {
  for (const folder of checkouts) rmSync(folder, { recursive: true });
});

it("checks out a commit or a branch", async () => {
  for (const ref of [commit, "trunk"]) expect((await open(repository, ref)).repository).toBe(repository);
});

it("fails for an unknown ref and for a repository that git cannot read", async () => {
  await expect(open(repository, "v99")).rejects.toThrow(/no ref v99/);
  await expect(open(join(repository, "missing"), "v1")).rejects.toThrow(
    /git cannot read the repository .*check its URL/,
  );
});

it("uses the credentials of a URL for git only", async () => {
  gitOptions({ [`url.${repository}.insteadOf`]: WITH_CREDENTIALS });
  expect(await open(WITH_CREDENTIALS, commit)).toMatchObject({
    repository: "https://git.example.com/app.git", // the label of the image
    refSlug: commit.slice(0, 12),
  });
});

it("removes the credentials of a URL from an error of git", async () => {
  const folder = mkdtempSync(join(tmpdir(), "git-"));
  checkouts.add(folder);
  writeFileSync(join(folder, "git"), '#!/bin/sh\necho "fatal: cannot run $*" >&2\nexit 128\n', { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  const error = await open(WITH_CREDENTIALS, "trunk").catch(({ message }: Error) => message);
  expect(error).toContain("(fatal: cannot run clone --quiet --no-checkout https://git.example.com/app.git ");
  expect(error).not.toContain("hunter2");
});

describe("an application in a subfolder of its repository", () => {
  const monorepo = (): string =>
    createRepository((folder) =>
      cpSync(join(ROOT, "sample-app"), join(folder, "services", "api"), { recursive: true }),
    );

  it("is opened with app.folder", async () => {
    const source = await open(monorepo(), "trunk", "services/api/");
    expect(readdirSync(source.folder)).toContain("pyproject.toml");
  });

  it("is found if app.folder is missing or wrong, and the message names the setting", async () => {
    const url = monorepo();
    await expect(open(url, "trunk")).rejects.toThrow(
      /no pyproject\.toml.* in services\/api: set app\.folder to services\/api$/,
    );
    await expect(open(url, "trunk", "service")).rejects.toThrow(
      /the repository has no folder service at trunk, but .* in services\/api: set app\.folder to services\/api$/,
    );
    await expect(open(repository, "trunk", "service")).rejects.toThrow(/no folder service at trunk: .*app\.folder/);
  });
});

describe("submodules", () => {
  const library = (): string => createRepository((folder) => writeFileSync(join(folder, "__init__.py"), ""));
  const LOCAL = { "protocol.file.allow": "always" }; // git allows no submodule from this machine by default

  /** The app with a submodule, which has a submodule of its own. */
  function withSubmodules(): string {
    gitOptions(LOCAL);
    const inner = library();
    const outer = createRepository((folder) => git(folder, "submodule", "--quiet", "add", inner, "inner"));
    return createRepository((folder) => {
      cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
      git(folder, "submodule", "--quiet", "add", outer, "spatialforge/outer");
    });
  }

  it("are checked out with their own submodules", async () => {
    const { folder } = await open(withSubmodules(), "trunk");
    expect(readdirSync(join(folder, "spatialforge", "outer", "inner"))).toContain("__init__.py");
  });

  it("that git cannot read are reported", async () => {
    const lost = library();
    gitOptions(LOCAL);
    const url = createRepository((folder) => {
      cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
      git(folder, "submodule", "--quiet", "add", lost, "spatialforge/lost");
    });
    rmSync(lost, { recursive: true });
    checkouts.delete(lost);
    await expect(open(url, "trunk")).rejects.toThrow(
      /git cannot check out the submodules \(.*spatialforge\/lost.*\): check their URLs in \.gitmodules and your access/,
    );
  });
});

describe("files in Git LFS", () => {
  it("that are pointers are refused; after Git LFS is installed, the same commit is checked out with the files", async () => {
    const url = createRepository((folder) => {
      cpSync(join(ROOT, "sample-app"), folder, { recursive: true });
      writeFileSync(join(folder, ".gitattributes"), "*.onnx filter=lfs\n");
      writeFileSync(
        join(folder, "spatialforge", "model.onnx"),
        `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 5\n`,
      );
    });
    const ref = git(url, "rev-parse", "HEAD");
    const [problem] = (await open(url, ref)).treeProblems();
    expect(problem).toMatchObject({
      value: "spatialforge/model.onnx",
      remedy: expect.stringMatching(/Git LFS.*: install Git LFS on this machine, and run `git lfs install`/),
    });
    gitOptions({ "filter.lfs.smudge": "echo data" });
    const source = await open(url, ref);
    expect(source.treeProblems()).toEqual([]);
    expect(readFileSync(join(source.folder, "spatialforge", "model.onnx"), "utf8")).toBe("data\n");
  });
});
