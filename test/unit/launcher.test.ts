import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../stack/root";

/** A copy of Node that every user can run: the original can be in a folder of root. */
const nodeFolder = mkdtempSync(join(tmpdir(), "launcher-node-"));
const node = join(nodeFolder, "node");
beforeAll(() => {
  chmodSync(nodeFolder, 0o755);
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
});
afterAll(() => rmSync(nodeFolder, { recursive: true }));

interface LaunchOptions {
  /** Properties of `process` to replace. */
  pretend?: PropertyDescriptorMap;
  /** Shell command that replaces npm. Without it there is no npm. */
  npm?: string;
  /** Prepares the folder. */
  prepare?: (folder: string) => void;
  /** Code that runs before the launcher. */
  before?: string;
  /** User who runs the launcher. Default: the user who runs the test. */
  uid?: number;
}

/** Runs the launcher in a folder without installed packages. `FOLDER` replaces the path of the folder in its output. */
function launch({ pretend = {}, npm, prepare, before = "", uid }: LaunchOptions): {
  status: number | null;
  stderr: string[];
} {
  const folder = mkdtempSync(join(tmpdir(), "launcher-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of ["scripts/local.mjs", "package.json", "package-lock.json"])
    cpSync(join(ROOT, file), join(folder, file));
  mkdirSync(join(folder, "bin"));
  if (npm) writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
  prepare?.(folder);
  const setUp = `data:text/javascript,Object.defineProperties(process, ${JSON.stringify(pretend)});${before}`;
  const { status, stdout, stderr } = spawnSync(node, ["--import", setUp, join(folder, "scripts/local.mjs"), "up"], {
    encoding: "utf8",
    env: { PATH: join(folder, "bin") },
    uid,
  });
  expect(stdout).toBe("");
  return { status, stderr: stderr.trimEnd().replaceAll(folder, "FOLDER").split("\n") };
}

it("native Windows is directed to WSL", () => {
  expect(launch({ pretend: { platform: { value: "win32" } } })).toEqual({
    status: 1,
    stderr: [
      "Native Windows is not supported. Run this command in WSL: https://learn.microsoft.com/windows/wsl/install",
    ],
  });
});

it.each(["20.20.2", "22.9.0"])("Node %s is too old", (node) => {
  expect(launch({ pretend: { versions: { value: { node } } } })).toEqual({
    status: 1,
    stderr: [`Node ${node} is too old. Install Node 22.13 or later: https://nodejs.org/en/download`],
  });
});

it("a failed npm ci is reported, with a remedy", () => {
  expect(launch({ npm: "echo npm error code E404 >&2; exit 7" })).toEqual({
    status: 1,
    stderr: [
      "Installing dependencies ...",
      "npm error code E404",
      "npm ci failed. Fix the cause that npm reported above, and run the command again.",
    ],
  });
});

it("a missing npm is reported, with a remedy", () => {
  expect(launch({})).toEqual({
    status: 1,
    stderr: [
      "Installing dependencies ...",
      "npm did not start (ENOENT). Install npm, which comes with Node, and run the command again.",
    ],
  });
});

describe("files of another user", () => {
  const user = process.getuid?.() ?? 0;
  const isRoot = user === 0;
  /** Not the user who runs the test. */
  const OTHER_USER = user + 65534;
  const MISSING_NPM = [
    "Installing dependencies ...",
    "npm did not start (ENOENT). Install npm, which comes with Node, and run the command again.",
  ];
  const problem = (...paths: string[]) => [
    `Another user owns files in ${paths.join(", ")}, probably because of an earlier \`sudo npm run up\`. ` +
      `In FOLDER, run \`sudo chown -R "$(id -un)" ${paths.join(" ")}\`, and run the command again without sudo.`,
  ];

  /**
   * Runs the launcher in a folder with some files. If root runs the test, another user runs the launcher. Other users cannot
   * create files of another user. For them, the launcher gets another user ID.
   *
   * @param own - files of the user who runs the launcher. A target makes the file a link.
   * @param foreign - files and folders of another user. Their parents are the user's own.
   */
  function launchWith({ own = {}, foreign = [] }: { own?: Record<string, string>; foreign?: string[] }) {
    const prepare = (folder: string) => {
      const create = (file: string, target = "") => {
        mkdirSync(join(folder, dirname(file)), { recursive: true });
        if (target) symlinkSync(target, join(folder, file));
        else if (file.endsWith("/")) mkdirSync(join(folder, file));
        else writeFileSync(join(folder, file), "");
      };
      for (const file of foreign) create(file);
      for (const [file, target] of Object.entries(own)) create(file, target);
      if (!isRoot) return;
      lchownSync(folder, OTHER_USER, -1);
      for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!foreign.some((one) => join(one) === join(file) || join(one) === join(file, "/")))
          lchownSync(join(folder, file), OTHER_USER, -1);
      }
    };
    if (isRoot) return launch({ prepare, uid: OTHER_USER });
    return launch({ prepare, before: foreign.length ? `process.getuid=()=>${OTHER_USER}` : "" });
  }

  it("are reported with the command that changes their owner", () => {
    const foreign = ["node_modules/", ".state/passphrase", ".build/", ".cache/pulumi/"];
    expect(launchWith({ foreign })).toEqual({
      status: 1,
      stderr: problem(".state", ".build", ".cache", "node_modules"),
    });
  });

  it("are found at any depth of .state and .build", () => {
    for (const folder of [".state", ".build"]) {
      const result = launchWith({ foreign: [`${folder}/api/src/app/main.py`] });
      expect(result).toEqual({ status: 1, stderr: problem(folder) });
    }
  });

  it("are not looked for behind links, and not below the first level of .cache and node_modules", () => {
    const own = {
      ".state/.pulumi/history": "",
      ".build/etc": "/etc",
      "node_modules/etc": "/etc",
      ".cache/etc": "/etc",
    };
    // As another user than root, the test has no file of another user.
    const foreign = isRoot ? [".cache/pulumi/bin/pulumi", "node_modules/zod/index.js"] : [];
    expect(launchWith({ own, foreign })).toEqual({ status: 1, stderr: MISSING_NPM });
  });

  it("can be in a folder that the user cannot read", () => {
    const prepare = (folder: string) => {
      mkdirSync(join(folder, ".state/.pulumi"), { recursive: true });
      chmodSync(join(folder, ".state/.pulumi"), 0);
      chmodSync(folder, 0o755);
      if (isRoot) for (const path of [".state", ".state/.pulumi"]) lchownSync(join(folder, path), OTHER_USER, -1);
    };
    const uid = isRoot ? OTHER_USER : undefined;
    expect(launch({ prepare, uid })).toEqual({ status: 1, stderr: problem(".state") });
  });

  it("do not concern root", () => {
    const prepare = (folder: string) => mkdirSync(join(folder, ".state"));
    const root = "process.getuid=()=>0";
    expect(launch({ prepare, before: root })).toEqual({ status: 1, stderr: MISSING_NPM });
  });
});
