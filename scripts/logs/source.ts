/** A line of a log. */
export interface LogEvent {
  /** Distinguishes the lines of a log. */
  id: string;
  /** Milliseconds since 1970. */
  time: number;
  /** ID of the task. On the platform docker, it is the ID of the container. */
  task: string;
  message: string;
}

/** A task whose log is shown. */
export interface LogTask {
  id: string;
  /** Why the task has stopped. Undefined while it runs. */
  stopped?: string;
}

/** The log of a role on a platform. */
export interface LogSource {
  /** Milliseconds between two reads of a log that is followed. */
  interval: number;
  /** The tasks that run, and those that have stopped lately. */
  tasks: () => Promise<LogTask[]>;
  /** The lines since a time in milliseconds since 1970, the oldest first. @param task - ID; default: all tasks of the role */
  events: (since: number, task?: string) => Promise<LogEvent[]>;
}
