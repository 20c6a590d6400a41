import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
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

/** A fresh clone of this tree, with what is not committed yet. */
export class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), "spatialforge-"));

  constructor() {
    const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: ROOT, encoding: "utf8" });
    for (const file of files.split("\0").filter(Boolean)) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      cpSync(join(ROOT, file), join(this.folder, file), { preserveTimestamps: true });
    }
  }

  /** Takes over the dependencies that are installed here: an installation of its own takes most of a minute. */
  linkDependencies(): void {
    const [lock, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) => join(ROOT, file));
    // An installation in the clone would go through the link and empty the folder behind it.
    if (statSync(installed).mtimeMs < statSync(lock).mtimeMs) throw new Error("package-lock.json is newer: npm ci");
    symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Runs a line of a shell in the clone; exit code and all that it said. */
  run(line: string): Promise<{ code: number | null; text: string }> {
    return new Promise((done, fail) => {
      const child = spawn("bash", ["-c", line], { cwd: this.folder });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (text += data.toString()));
      child.once("error", fail);
      child.once("close", (code) => done({ code, text }));
    });
  }

  /** What is in a file of it. */
  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  /** Changes a file of it; what it was. @throws Error when the change changes nothing. */
  edit(file: string, change: (text: string) => string): string {
    const before = this.read(file);
    const after = change(before);
    if (after === before) throw new Error(`${file} is as it was`);
    writeFileSync(join(this.folder, file), after);
    return before;
  }

  /** Processes that work in the clone. */
  pids(): number[] {
    const inside = (pid: string) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder);
      } catch {
        return false; // it has ended, or is another user's
      }
    };
    return readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid) && inside(pid))
      .map(Number);
  }

  /** Command lines of the processes that work in the clone. */
  processes(): string[] {
    return this.pids().flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return []; // it has ended
      }
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
