import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../stack/root";

/**
 * Runs the launcher in a folder without installed packages.
 *
 * @param pretend - properties of `process` to replace
 * @param npm - shell command that replaces npm; without it there is no npm
 */
function launch({ pretend = {}, npm }: { pretend?: PropertyDescriptorMap; npm?: string }): {
  status: number | null;
  stderr: string[];
} {
  const folder = mkdtempSync(join(tmpdir(), "launcher-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of ["scripts/local.mjs", "package.json", "package-lock.json"])
    cpSync(join(ROOT, file), join(folder, file));
  mkdirSync(join(folder, "bin"));
  if (npm) writeFileSync(join(folder, "bin/npm"), `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
  const setUp = `data:text/javascript,Object.defineProperties(process, ${JSON.stringify(pretend)})`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", setUp, join(folder, "scripts/local.mjs"), "up"],
    { encoding: "utf8", env: { PATH: join(folder, "bin") } },
  );
  expect(stdout).toBe("");
  return { status, stderr: stderr.trimEnd().split("\n") };
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
