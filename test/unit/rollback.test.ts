import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { confirm } from "../../scripts/operate/confirm";
import { lockProblem } from "../../scripts/operate/pulumi";
import { deployRelease } from "../../scripts/rollback/deploy";

let folder: string;

vi.mock("../../scripts/stack-file", () => ({ stackFile: (name: string) => join(folder, `Pulumi.${name}.yaml`) }));
vi.mock("../../scripts/local/cli", () => ({ findCli: () => Promise.resolve(join(folder, "pulumi")) }));

/** A settings file with a comment, a long line, and a list in one line. */
const SETTINGS = `config:
  # why
  spatialforge:aws:
    gpu: { instanceTypes: [g6.xlarge, g5.xlarge] }
  long: ${"word ".repeat(40).trim()}
`;

/** The error output of the Pulumi CLI 3.259 with a file backend. */
const LOCKED = `error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.
  file:///state/.pulumi/locks/organization/spatialforge/dev/1.json: created by ops@host (pid 123) at 2026-03-02T10:00:00Z`;

let printed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spatialforge-rollback-"));
  write(SETTINGS);
  printed = "";
  for (const method of ["log", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((text: string) => void (printed += text));
  }
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
});

const file = () => join(folder, "Pulumi.dev.yaml");
const write = (text: string) => writeFileSync(file(), text);
const read = () => readFileSync(file(), "utf8");

/** A Pulumi CLI that writes its arguments to a file, and ends with an error output and an exit code. */
function fakeCli(code: number, errors = ""): void {
  const script = join(folder, "pulumi");
  writeFileSync(script, `#!/bin/sh\necho "$@" > ${folder}/arguments\ncat >&2 <<'END'\n${errors}\nEND\nexit ${code}\n`);
  chmodSync(script, 0o755);
}

describe("a rollback", () => {
  it("writes the release to the settings file, updates without a preview, and says what to commit", async () => {
    fakeCli(0);
    expect(await deployRelease("dev", "v1-a")).toBe(0);
    expect(readFileSync(join(folder, "arguments"), "utf8")).toMatch(/^up --yes --skip-preview --stack dev /);
    expect(read()).toBe(SETTINGS.replace("config:\n", "config:\n  spatialforge:release: v1-a\n"));
    expect(printed).toContain("dev runs the release v1-a");
    expect(printed).toContain("Commit that file: without it, the next deployment of main undoes the rollback.");
    expect(printed).toContain("To build again, run `pulumi config rm spatialforge:release --stack dev`");
  });

  it("that fails says what the settings file has, and how to restore it", async () => {
    write(`${SETTINGS}  spatialforge:release: v0-z # pinned\n`);
    fakeCli(255, "error: update failed");
    expect(await deployRelease("dev", "v1-a")).toBe(1);
    expect(read()).toBe(`${SETTINGS}  spatialforge:release: v1-a # pinned\n`);
    expect(printed).toContain("Pulumi.dev.yaml now has spatialforge:release: v1-a");
    expect(printed).toContain("`pulumi config set spatialforge:release v0-z --stack dev`");
  });

  it("of a stack that is being updated is refused, and changes nothing", async () => {
    fakeCli(255, LOCKED);
    await expect(deployRelease("dev", "v1-a")).rejects.toThrow(
      "dev is being updated by ops@host (pid 123) at 2026-03-02T10:00:00Z: wait until that update has finished. " +
        "If no update is running, remove the lock with `pulumi cancel --stack dev`.",
    );
    expect(read()).toBe(SETTINGS);
  });

  it("is not confirmed without a terminal", async () => {
    vi.stubGlobal("process", { ...process, stdin: { isTTY: false }, stdout: { isTTY: false } });
    await expect(confirm("Roll back?")).rejects.toThrow("Run the command with --yes.");
    vi.unstubAllGlobals();
  });
});

it("an update on Pulumi Cloud, or another error, has no owner", () => {
  expect(lockProblem("dev", "error: [409] Conflict: Another update is currently in progress.")).toMatch(
    /^dev is being updated: wait/,
  );
  expect(lockProblem("dev", "error: no credentials")).toBeUndefined();
});
