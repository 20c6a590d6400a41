import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { openApp } from "../../stack/app/source";
import { ROOT } from "../../stack/root";

const WITH_CREDENTIALS = "https://me:hunter2@git.example.com/app.git";

let repository: string;
let commit: string;
const checkouts = new Set<string>();

const open = async (url: string, ref: string) => {
  const source = await openApp({ repository: url, ref });
  checkouts.add(source.folder);
  return source;
};

beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), "app-"));
  cpSync(join(ROOT, "sample-app"), repository, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      encoding: "utf8",
    }).trim();
  git("init", "-q", "-b", "trunk");
  git("add", ".");
  git("commit", "-qm", "app");
  commit = git("rev-parse", "HEAD");
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => {
  for (const folder of [repository, ...checkouts]) rmSync(folder, { recursive: true });
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
  vi.stubEnv("GIT_CONFIG_COUNT", "1");
  vi.stubEnv("GIT_CONFIG_KEY_0", `url.${repository}.insteadOf`);
  vi.stubEnv("GIT_CONFIG_VALUE_0", WITH_CREDENTIALS);
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
