/** What to run, and where. */
export interface ExecArgs {
  role: string;
  /** Start of the ID of a task. Default: the task that started last. */
  task?: string;
  /** Command with its arguments. Empty: a shell. */
  command: readonly string[];
}
