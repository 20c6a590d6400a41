import { createInterface } from "node:readline";
import { EXIT, UserError } from "./command";

/**
 * Asks the user a question on the terminal.
 * @param option - option with which the command does not ask
 * @returns the exit code if the user does not agree. Undefined: the user agrees.
 * @throws UserError without a terminal
 */
export async function confirm(question: string, option = "--yes"): Promise<number | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UserError(`There is no terminal to ask for confirmation. Run the command with ${option}.`);
  }
  const answer = await ask(`${question} [y/N] `);
  if (answer === undefined) return EXIT.interrupted;
  if (/^y(es)?$/i.test(answer.trim())) return undefined;
  console.log("Nothing was changed.");
  return EXIT.usage;
}

/** The answer to a question. Undefined after Ctrl-C or the end of the input. */
function ask(question: string): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  return new Promise((resolve) => {
    terminal.once("SIGINT", () => terminal.close());
    terminal.once("close", () => resolve(undefined));
    terminal.question(question, (answer) => {
      resolve(answer);
      terminal.close();
    });
  });
}
