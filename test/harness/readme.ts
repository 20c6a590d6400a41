import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";

/** The commands of a table of the README, by what stands before them. */
export function commandsOf(column: "build" | "check"): [what: string, command: string][] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const table = readme.split(`| ${column} | command |\n| --- | --- |\n`)[1].split("\n\n")[0];
  return table.split("\n").map((row) => {
    const [, what, command] = /^\| (.*?) \| `(.*)` \|$/.exec(row)!;
    return [what, command.replaceAll("\\|", "|")];
  });
}
