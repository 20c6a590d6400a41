import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";

/** The content of a lock of Pulumi's file backend (`pkg/backend/diy/lock.go`). */
interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

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
    if (isPulumi(lock.pid)) {
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
  return files.map((name) => {
    const file = join(folder, name);
    return { ...(JSON.parse(readFileSync(file, "utf8")) as LockContent), file };
  });
}

/**
 * Whether a process is a Pulumi CLI that runs. After a restart of the machine, another program can have the process ID of the lock's owner.
 * A process that has ended, but that its parent has not yet collected (a zombie), does not run. If `ps` does not say which program it is, the
 * owner counts as running.
 */
function isPulumi(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // EPERM: the process belongs to another user
  }
  const { status, stdout } = spawnSync("ps", ["-o", "stat=,comm=", "-p", String(pid)], { encoding: "utf8" });
  const [, state, command] = /^\s*(\S+)\s+(.*)/.exec(stdout ?? "") ?? [];
  if (status !== 0 || !command) return true;
  return !state.startsWith("Z") && basename(command.trim()).startsWith("pulumi");
}
