/** What all commands that operate a stack have in common: options, help, errors, and exit codes. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { withoutCredentials } from "../../stack/config/problem";
import { color } from "../local/color";
import { awsProblem } from "./aws-problem";

/** Exit codes of the commands. */
export const EXIT = {
  ok: 0,
  /** The command ran, and the result is not good: for example, a service is not healthy. */
  notOk: 1,
  /** Wrong options, or something that the command needs is missing. Nothing was changed. */
  usage: 2,
  /** SIGINT. */
  interrupted: 130,
} as const;

/** An error of which the user sees only the message: what is wrong, with its value, and how to fix it. */
export class UserError extends Error {}

/** The values of the options that `parseArgs` of Node returns. */
export type Values = Record<string, string | boolean | undefined>;

export interface Command {
  /** Text of `--help`. Its first line is `Usage: ...`. */
  usage: string;
  /** Options in the format of `parseArgs`, in addition to `--stack` and `--help`. */
  options?: ParseArgsOptionsConfig;
  /** Names of the arguments after the options, in capitals. An argument in square brackets is optional, as in `[ID]`. The
   * last one can stand for any number of arguments, as in `[COMMAND...]`. */
  positionals?: readonly string[];
  /** Runs the command. @returns the exit code */
  run: (stack: string, values: Values, positionals: string[]) => Promise<number>;
}

/**
 * Runs a command with the arguments of the process, and sets the exit code. Prints errors to the error output, each as one message that names
 * the value and the remedy.
 */
export async function runCommand(command: Command): Promise<void> {
  try {
    process.exitCode = await parseAndRun(command, process.argv.slice(2));
  } catch (error) {
    console.error(color.red(withoutCredentials(messageOf(error as Error))));
    if (isUsageError(error as Error)) console.error(`\n${command.usage.trim()}`);
    process.exitCode = EXIT.usage;
  }
}

async function parseAndRun({ usage, options, positionals: names = [], run }: Command, args: string[]): Promise<number> {
  const common = { stack: { type: "string" }, help: { type: "boolean", short: "h" } } as const;
  const parsed = parseArgs({ args, options: { ...options, ...common }, allowPositionals: names.length > 0 });
  const values = parsed.values as Values;
  if (values.help) {
    console.log(usage.trim());
    return EXIT.ok;
  }
  const missing = [
    ...(values.stack ? [] : ["--stack NAME"]),
    ...names.filter((name, index) => !name.startsWith("[") && parsed.positionals[index] === undefined),
  ];
  if (missing.length) throw new UsageError(`missing: ${missing.join(", ")}`);
  const extra = names.at(-1)?.endsWith("...]") ? [] : parsed.positionals.slice(names.length);
  if (extra.length) throw new UsageError(`unexpected argument: ${extra.join(" ")}`);
  return run(values.stack as string, values, parsed.positionals);
}

/** Wrong options: the usage is printed below the message. */
export class UsageError extends UserError {}

const isUsageError = (error: NodeJS.ErrnoException): boolean =>
  error instanceof UsageError || !!error.code?.startsWith("ERR_PARSE_ARGS");

const messageOf = (error: Error): string => (error instanceof UserError ? error.message : awsProblem(error));
