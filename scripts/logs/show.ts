import { shortId } from "../operate/choose";
import type { LogEvent, LogSource, LogTask } from "./source";

/**
 * Milliseconds for which the lines of a log are read again: CloudWatch Logs can make a line available after a later one. Lines that were shown are
 * left out.
 */
const OVERLAP_MS = 15_000;

export interface ShowArgs {
  source: LogSource;
  /** Milliseconds since 1970. */
  since: number;
  /** ID of a task. Default: all tasks of the role. */
  task?: string;
  print?: (line: string) => void;
}

/** Prints lines of logs. It remembers what it has shown. */
class Printer {
  private readonly shown = new Map<string, number>();
  private readonly tasks = new Set<string>();

  constructor(private readonly print: (line: string) => void) {}

  /** Time of the last line, in milliseconds since 1970. */
  last = 0;

  events(events: readonly LogEvent[]): void {
    const added = events.filter(({ id }) => !this.shown.has(id));
    for (const { task } of added) this.tasks.add(task);
    for (const { id, time, task, message } of added) {
      const prefix = [new Date(time).toISOString(), ...(this.tasks.size > 1 ? [shortId(task)] : [])];
      this.print(`${prefix.join(" ")} ${message.trimEnd()}`);
      this.shown.set(id, time);
      this.last = Math.max(this.last, time);
    }
    for (const [id, time] of this.shown) if (time < this.last - 2 * OVERLAP_MS) this.shown.delete(id);
  }

  /** Prints which tasks have stopped and started. */
  changes(stopped: readonly LogTask[], started: readonly LogTask[]): void {
    const texts = [
      ...stopped.map((task) => `task ${shortId(task.id)} stopped (${task.stopped})`),
      ...started.map(({ id }) => `task ${shortId(id)} started`),
    ];
    if (texts.length) this.print(`-- ${texts.join("; ")}`);
  }
}

/** Prints the lines since a time. @returns the number of lines */
export async function showLog({ source, since, task, print = console.log }: ShowArgs): Promise<number> {
  const events = await source.events(since, task);
  new Printer(print).events(events);
  return events.length;
}

/**
 * Prints the lines since a time, and then each new line. When a task is replaced, it prints this and goes on with the new task. It ends when the
 * chosen task has stopped, and otherwise not.
 * @param signal - ends it
 */
export async function followLog(args: ShowArgs & { signal?: AbortSignal }): Promise<void> {
  const { source, since, task, print = console.log, signal } = args;
  const printer = new Printer(print);
  let before: LogTask[] | undefined;
  for (;;) {
    // The tasks are read first: the last lines of a task that has stopped are then in its log.
    const tasks = (await source.tasks()).filter(({ id }) => task === undefined || id === task);
    const events = await source.events(Math.max(since, printer.last - OVERLAP_MS), task);
    const started = startedTasks(before ?? tasks, tasks);
    const isNew = (event: LogEvent) => started.some(({ id }) => id === event.task);
    printer.events(events.filter((event) => !isNew(event)));
    printer.changes(stoppedTasks(before ?? tasks, tasks), started);
    printer.events(events.filter(isNew));
    const isOver = task !== undefined && tasks.every(({ stopped }) => stopped !== undefined);
    if (isOver || signal?.aborted) return;
    before = tasks;
    await new Promise((resolve) => setTimeout(resolve, source.interval));
  }
}

const isRunning = ({ stopped }: LogTask): boolean => stopped === undefined;

/** The tasks that did not run at an earlier read, and run now. */
const startedTasks = (before: readonly LogTask[], now: readonly LogTask[]): LogTask[] =>
  now.filter((one) => isRunning(one) && !before.some((old) => old.id === one.id && isRunning(old)));

/** The tasks that ran at an earlier read and do not run now. */
const stoppedTasks = (before: readonly LogTask[], now: readonly LogTask[]): LogTask[] =>
  before.filter(isRunning).flatMap((old) => {
    const task = now.find(({ id }) => id === old.id) ?? { id: old.id, stopped: "removed" };
    return isRunning(task) ? [] : [task];
  });
