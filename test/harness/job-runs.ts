import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** One run of a job. Times are in seconds since 1970. */
export interface Run {
  job: string;
  /** Address of the worker. A worker runs one job at a time. */
  worker: string;
  start: number;
  /** Undefined while the job runs, and if its worker ended before the job. */
  end?: number;
  /** State that Celery stored at the end. */
  state?: string;
}

/** A command in the output of `redis-cli monitor` that stores the state of a job: its time, the address of the client, the job, and the state. */
const STATE = /^([\d.]+) \[\d+ ([\d.]+):\d+\] "SET(?:EX)?" "celery-task-meta-([\w-]+)" .*?\\"status\\": \\"(\w+)\\"/;

/** Records when jobs start and end, by the states that the workers store in Redis. */
export class JobRuns {
  readonly runs: Run[] = [];
  private readonly monitor: ChildProcess;

  /** @param redis - ID of the container of Redis */
  constructor(redis: string) {
    this.monitor = spawn("docker", ["exec", redis, "redis-cli", "monitor"], { stdio: ["ignore", "pipe", "ignore"] });
    createInterface(this.monitor.stdout!).on("line", (line) => this.read(line));
  }

  private read(line: string): void {
    const [, time, worker, job, state] = STATE.exec(line) ?? [];
    if (!time) return;
    if (state === "STARTED") {
      this.runs.push({ job, worker, start: Number(time) });
      return;
    }
    const run = this.runs.filter((one) => one.job === job && one.worker === worker).at(-1);
    if (run) [run.end, run.state] = [Number(time), state];
  }

  /** The runs of a job that overlap with an earlier run of the same job. */
  overlaps(): Run[] {
    return this.runs.filter((run) =>
      this.runs.some(
        (other) => other !== run && other.job === run.job && other.start <= run.start && !(other.end! <= run.start),
      ),
    );
  }

  stop(): void {
    this.monitor.kill();
  }
}
