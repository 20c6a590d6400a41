import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { abandonedLocks, releaseLocks } from "../../scripts/local/lock";

/** Creates a folder that is removed after the test that is running. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "spatialforge-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A state folder with a lock as Pulumi writes it. By default, it was taken now. */
function stateWithLock(owner: { pid: number; hostname?: string; timestamp?: string }): { state: string; file: string } {
  const state = temporaryFolder();
  const folder = join(state, ".pulumi/locks/organization/spatialforge/local");
  const file = join(folder, "c522b378-22b5-4fb2-929b-0dada6f246d2.json");
  mkdirSync(folder, { recursive: true });
  const content = { username: "me", hostname: hostname(), timestamp: new Date().toISOString(), ...owner };
  writeFileSync(file, JSON.stringify(content));
  return { state, file };
}

/** Process ID of a program that runs until the test has finished. */
async function runningProcess(): Promise<number> {
  const child = spawn("sleep", ["60"]);
  await new Promise((resolve) => child.once("spawn", resolve));
  onTestFinished(() => void child.kill("SIGKILL"));
  return child.pid!;
}

/** Process ID of a process that has ended. */
const endedProcess = (): number => spawnSync("true").pid;

it("a state without locks has no abandoned lock", () => {
  expect(abandonedLocks(temporaryFolder())).toEqual([]);
});

it("a lock whose owner has ended is abandoned, and can be released", () => {
  const { state, file } = stateWithLock({ pid: endedProcess() });
  const locks = abandonedLocks(state);
  expect(locks).toMatchObject([{ file }]);
  releaseLocks(locks);
  expect(existsSync(file)).toBe(false);
  expect(abandonedLocks(state)).toEqual([]);
});

it("a lock is abandoned if another process got the ID of its owner after the lock was taken", async () => {
  const timestamp = new Date(Date.now() - 60_000).toISOString();
  expect(abandonedLocks(stateWithLock({ pid: await runningProcess(), timestamp }).state)).toHaveLength(1);
});

it("a lock is abandoned if its owner has ended and waits for its parent to collect it", async () => {
  // The shell starts a process that ends at once, and becomes a program that never collects it.
  const parent = spawn("sh", ["-c", "sh -c 'echo $$' & exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve)));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout).toMatch(/^Z/);
  expect(abandonedLocks(stateWithLock({ pid }).state)).toHaveLength(1);
});

it("a lock whose owner runs is never taken", async () => {
  const pid = await runningProcess();
  const { state, file } = stateWithLock({ pid });
  expect(() => abandonedLocks(state)).toThrow(
    new RegExp(`Another update of this stack is running \\(process ${pid}, since 20\\S+\\)\\. Wait until`),
  );
  expect(existsSync(file)).toBe(true);
});

it("a lock file that is not valid is named, and is never deleted", () => {
  const { state, file } = stateWithLock({ pid: endedProcess() });
  writeFileSync(file, "");
  expect(() => abandonedLocks(state)).toThrow(
    `The lock file ${file} is not valid. If no update of this stack runs, delete it`,
  );
  expect(existsSync(file)).toBe(true);
});

it("a lock of another machine is never taken", () => {
  const { state } = stateWithLock({ pid: endedProcess(), hostname: "other-machine" });
  expect(() => abandonedLocks(state)).toThrow(
    /locked by me@other-machine .* another machine\. If no update runs there, .*`npm run pulumi -- cancel`/,
  );
});
