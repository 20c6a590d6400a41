import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../stack/root";

const LOCK = "images/locks/app/light.txt";
const SETTINGS = "Pulumi.prod.yaml";

let folder: string;
const path = (...names: string[]) => join(folder, ...names);

const git = (clone: string, ...args: string[]) => {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
  return execFileSync("git", ["-C", path(clone), ...identity, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
};

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A repository with a clone, and a `gh` that records its calls and has as many open pull requests as the file `open` says. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "propose-"));
  execFileSync("git", ["init", "-q", "--bare", "-b", "main", path("origin")]);
  execFileSync("git", ["clone", "-q", path("origin"), path("clone")], { stdio: "pipe" });
  for (const file of [LOCK, SETTINGS, "index.ts"]) write(path("clone", file), "old\n");
  git("clone", "add", ".");
  git("clone", "commit", "-qm", "app");
  git("clone", "push", "-q", "origin", "HEAD:main");
  write(path("bin", "gh"), `#!/bin/sh\necho "$1 $2 $4" >>${path("calls")}\n[ "$2" != list ] || cat ${path("open")}\n`);
  chmodSync(path("bin", "gh"), 0o755);
  write(path("open"), "0\n");
  write(path("calls"), "");
  return () => rmSync(folder, { recursive: true });
});

/** Creates a patch of what a function changes in the clone, and runs the script in a fresh clone. */
function propose(change: () => void) {
  change();
  git("clone", "add", "--all");
  writeFileSync(path("patch"), `${git("clone", "diff", "--cached", "--binary")}\n`.replace(/^\n$/, ""));
  git("clone", "reset", "-q", "--hard");
  rmSync(path("fresh"), { recursive: true, force: true });
  execFileSync("git", ["clone", "-q", path("origin"), path("fresh")], { stdio: "pipe" });
  const { status, stdout, stderr } = spawnSync(join(ROOT, ".github", "propose.sh"), [path("patch")], {
    cwd: path("fresh"),
    env: { ...process.env, PATH: `${path("bin")}:${process.env.PATH}` },
    encoding: "utf8",
  });
  return { status, text: stdout + stderr };
}

const branches = () => git("origin", "branch", "--format", "%(refname:short)").split("\n");
const calls = () => readFileSync(path("calls"), "utf8").trim().split("\n");

describe(".github/propose.sh", () => {
  it("pushes the changes of locks and settings, and creates one pull request", () => {
    const renew = (text: string) => () => {
      write(path("clone", LOCK), text);
      write(path("clone", SETTINGS), text);
      write(path("clone", "images/locks/app/web.txt"), text);
    };
    expect(propose(renew("new\n"))).toMatchObject({ status: 0 });
    expect(git("origin", "show", `renew:${LOCK}`)).toBe("new");
    expect(git("origin", "diff", "--name-only", "main", "renew").split("\n")).toEqual([
      SETTINGS,
      LOCK,
      "images/locks/app/web.txt",
    ]);
    expect(git("origin", "show", `main:${LOCK}`)).toBe("old");
    expect(calls()).toEqual(["auth setup-git ", "pr list renew", "pr create renew"]);

    write(path("open"), "1\n");
    expect(propose(renew("newer\n"))).toMatchObject({ status: 0 });
    expect(git("origin", "show", `renew:${LOCK}`)).toBe("newer");
    expect(git("origin", "rev-list", "--count", "main..renew")).toBe("1");
    expect(calls().filter((call) => call.startsWith("pr create"))).toHaveLength(1);
  });

  it("does nothing without changes", () => {
    const { status, text } = propose(() => undefined);
    expect({ status, text }).toEqual({ status: 0, text: "::notice title=Renew::Nothing has changed.\n" });
    expect(branches()).toEqual(["main"]);
  });

  it.each<[string, () => void]>([
    ["another file", () => write(path("clone", "index.ts"), "new\n")],
    ["a workflow", () => write(path("clone", ".github/workflows/renew.yml"), "new\n")],
    ["a lock that is moved", () => renameSync(path("clone", LOCK), path("clone", "evil.txt"))],
    ["a file whose name starts like a lock", () => write(path("clone", "images/locks-evil"), "new\n")],
  ])("refuses a patch of %s", (_, change) => {
    const { status, text } = propose(() => {
      write(path("clone", SETTINGS), "new\n");
      change();
    });
    expect(status).toBe(1);
    expect(text).toMatch(/The patch changes other files than locks and settings: /);
    expect(branches()).toEqual(["main"]);
    expect(calls()).toEqual([""]);
  });
});
