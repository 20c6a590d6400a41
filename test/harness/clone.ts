import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "../../stack/root";

/** A fresh clone of this work tree, including the changes that are not committed. */
export class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), "spatialforge-"));

  constructor() {
    const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: ROOT, encoding: "utf8" });
    for (const file of files.split("\0").filter((name) => name && existsSync(join(ROOT, name)))) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      cpSync(join(ROOT, file), join(this.folder, file), { preserveTimestamps: true });
    }
  }

  /** Uses the dependencies that are installed in this work tree. An installation in the clone takes most of a minute. */
  linkDependencies(): void {
    const [lock, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) => join(ROOT, file));
    // npm in the clone would follow the link and empty the folder of this work tree.
    if (statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
      throw new Error("node_modules is older than package-lock.json: run npm ci");
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Runs a shell command in the clone, and returns its exit code, and its output together with its error output. */
  run(command: string, cwd = this.folder): Promise<{ code: number | null; text: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn("bash", ["-c", command], { cwd });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (text += data.toString()));
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, text }));
    });
  }

  /** Returns the content of a file. */
  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  /** Changes a file and returns its previous content. @throws Error if the change has no effect. */
  edit(file: string, change: (text: string) => string): string {
    const before = this.read(file);
    const after = change(before);
    if (after === before) throw new Error(`the edit did not change ${file}`);
    writeFileSync(join(this.folder, file), after);
    return before;
  }

  /** Process IDs of the processes whose working directory is in the clone. */
  pids(): number[] {
    const isInside = (pid: string) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder);
      } catch {
        return false; // the process has ended, or belongs to another user
      }
    };
    return readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid) && isInside(pid))
      .map(Number);
  }

  /** Command lines of the processes whose working directory is in the clone. */
  processes(): string[] {
    return this.pids().flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // the process has ended
      }
    });
  }

  /** Kills the processes whose working directory is in the clone. */
  killProcesses(): void {
    const pids = this.pids().map(String);
    if (pids.length > 0) spawnSync("kill", ["-KILL", ...pids]); // some of them may have ended
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
