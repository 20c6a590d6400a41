import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";

const readme = (): string => readFileSync(join(ROOT, "README.md"), "utf8");

/** The commands of the first block under a heading of the README. */
export function commandsUnder(heading: string): string[] {
  const [, block] = /```sh\n(.*?)\n```/s.exec(readme().split(`\n## ${heading}\n`)[1])!;
  return block.split("\n");
}

/** The command that the README writes in a line of text, by how it starts. */
export function commandInText(start: string): string {
  const command = readme()
    .match(/`[^`\n]+`/g)
    ?.find((code) => code.startsWith(`\`${start}`));
  if (!command) throw new Error(`the README has no command ${start}`);
  return command.slice(1, -1);
}

/** The commands of a table of the README, by what stands before them. */
export function commandsOf(column: "build" | "check"): [what: string, command: string][] {
  const table = readme().split(`| ${column} | command |\n| --- | --- |\n`)[1].split("\n\n")[0];
  return table.split("\n").map((row) => {
    const [, what, command] = /^\| (.*?) \| `(.*)` \|$/.exec(row)!;
    return [what, command.replaceAll("\\|", "|")];
  });
}
