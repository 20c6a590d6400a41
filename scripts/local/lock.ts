import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** The content of a lock of Pulumi's file backend (`pkg/backend/diy/lock.go`). */
interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

/** `ps` rounds the start of a process, and computes it from the time since the machine started. */
const CLOCK_TOLERANCE_MS = 5000;

interface Lock extends LockContent {
  file: string;
}

/**
 * Finds the locks of the stack whose owner is gone.
 * @param state - folder of the file backend
 * @throws Error if a lock has an owner that runs, or that could run on another machine. Such a lock is never released.
 */
export function abandonedLocks(state: string): Lock[] {
  const locks = readLocks(state);
  for (const lock of locks) {
    if (lock.hostname !== hostname()) {
      throw new Error(
        `The stack is locked by ${lock.username}@${lock.hostname} (process ${lock.pid}, since ${lock.timestamp}), which is another machine. ` +
          "If no update runs there, release the lock with `npm run pulumi -- cancel`, and run this command again.",
      );
    }
    if (isOwnerAlive(lock)) {
      throw new Error(
        `Another update of this stack is running (process ${lock.pid}, since ${lock.timestamp}). Wait until it has finished, or stop it with Ctrl-C.`,
      );
    }
  }
  return locks;
}

export const releaseLocks = (locks: readonly Lock[]): void =>
  locks.forEach(({ file }) => rmSync(file, { force: true }));

function readLocks(state: string): Lock[] {
  const folder = join(state, ".pulumi", "locks");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
  return files.flatMap((name) => readLock(join(folder, name)));
}

/** Reads a lock. Returns none if its owner has released it since it was listed. */
function readLock(file: string): Lock[] {
  try {
    return [{ ...(JSON.parse(readFileSync(file, "utf8")) as LockContent), file }];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    const remedy = "If no update of this stack runs, delete it, and run the command again.";
    throw new Error(`The lock file ${file} is not valid. ${remedy}`, { cause: error });
  }
}

/**
 * Whether the process that took a lock runs. After a restart of the machine, another process can have its ID: it has started after the lock
 * was taken. A process that has ended, but that its parent has not yet collected (a zombie), does not run. If `ps` does not know the
 * process, it counts as running.
 */
function isOwnerAlive({ pid, timestamp }: LockContent): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: the process belongs to another user
  }
  const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C", TZ: "UTC" } } as const;
  const { status, stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], options);
  const [, state, started] = /^\s*(\S+)\s+(.*)/.exec(stdout ?? "") ?? [];
  if (status !== 0 || !started) return true;
  const startedAt = Date.parse(`${started.trim()} UTC`);
  return !state.startsWith("Z") && !(startedAt > Date.parse(timestamp) + CLOCK_TOLERANCE_MS);
}
