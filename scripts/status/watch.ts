import { EXIT } from "../operate/command";
import type { Status } from "./model";

/** Seconds between two reads. */
const INTERVAL_S = 5;

/** Moves the cursor to the first line, and clears the terminal. https://en.wikipedia.org/wiki/ANSI_escape_code#CSIsection */
const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

export interface WatchArgs {
  read: () => Promise<Status>;
  format: (status: Status) => string;
  print?: (text: string) => void;
  isTerminal?: boolean;
}

/**
 * Shows the status until Ctrl-C, which ends the process with exit code 0. On a terminal, it draws the screen again every 5 s. Otherwise it prints
 * a block whenever something has changed.
 */
export async function watch({
  read,
  format,
  print = console.log,
  isTerminal = Boolean(process.stdout.isTTY),
}: WatchArgs): Promise<never> {
  process.once("SIGINT", () => process.exit(EXIT.ok));
  let shown = "";
  for (;;) {
    const status = await read();
    const state = withoutTimes(status);
    if (isTerminal) print(CLEAR + format(status));
    else if (state !== shown) print(format(status));
    shown = state;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_S * 1000));
  }
}

/** The status as text, without what changes all the time. */
const withoutTimes = (status: Status): string =>
  JSON.stringify(status, (key, value: unknown) => (["time", "age", "memory"].includes(key) ? undefined : value));
