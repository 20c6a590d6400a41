import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";

const readme = (): string => readFileSync(join(ROOT, "README.md"), "utf8");

/** The commands of the first code block under a heading of the README, or of another page. */
export function commandsUnder(heading: string, page = "README.md"): string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const [, block] = /```sh\n(.*?)\n```/s.exec(text.split(`\n## ${heading}\n`)[1])!;
  return block.split("\n");
}

/** The command in the text of the README that starts with the given characters. */
export function commandInText(start: string): string {
  const command = readme()
    .match(/`[^`\n]+`/g)
    ?.find((code) => code.startsWith(`\`${start}`));
  if (!command) throw new Error(`the README has no command ${start}`);
  return command.slice(1, -1);
}

/** The commands of a table of the README, each with the text in its first column. */
export function commandsOf(column: "build" | "check"): [label: string, command: string][] {
  const table = readme().split(`| ${column} | command |\n| --- | --- |\n`)[1].split("\n\n")[0];
  return table.split("\n").map((row) => {
    const [, label, command] = /^\| (.*?) \| `(.*)` \|$/.exec(row)!;
    return [label, command.replaceAll("\\|", "|")];
  });
}
