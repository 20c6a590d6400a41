import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../stack/root";
import { openApp } from "../../stack/source/app";

let repository: string;
let commit: string;

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
afterAll(() => rmSync(repository, { recursive: true }));

it("a repository is checked out at a commit or a branch", async () => {
  for (const ref of [commit, "trunk"]) expect((await openApp({ repository, ref })).origin).toBe(repository);
});

it("an unknown ref and an unreachable repository say so", async () => {
  await expect(openApp({ repository, ref: "v99" })).rejects.toThrow(/no ref v99/);
  await expect(openApp({ repository: join(repository, "gone"), ref: "v1" })).rejects.toThrow(
    /can't be read .*check its address/,
  );
});
