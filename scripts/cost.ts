/** `npm run cost`: writes the table of costs into docs/aws.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hourlyCost } from "../stack/aws/cost";
import { ROOT } from "../stack/root";
import { awsSettings } from "../stack/settings/aws";
import { AWS_STACKS, configOf } from "./stack-file";

const PAGE = join(ROOT, "docs", "aws.md");
const MARK = "<!-- cost: made from stack/aws/cost.ts -->\n";

/** The table of what dev and prod cost, as Markdown. */
export function costTable(): string {
  const columns = AWS_STACKS.flatMap((stack) =>
    (["rest", "full"] as const).map((at) => ({ stack, at, ...hourlyCost(awsSettings.parse(configOf(stack).aws), at) })),
  );
  const names = [...new Set(columns.flatMap(({ lines }) => lines.map(({ what }) => what)))];
  const cells = names.map((name) =>
    columns.map(({ lines }) => {
      const line = lines.find(({ what }) => what === name);
      return line ? `${line.count} × ${line.price.toFixed(4)}` : "";
    }),
  );
  const row = (...texts: string[]) => `| ${texts.join(" | ")} |`;
  return [
    row("", ...columns.map(({ stack, at }) => `${stack}, ${at === "rest" ? "at rest" : "full"}`)),
    row(...Array<string>(columns.length + 1).fill("---")),
    ...names.map((name, place) => row(name, ...cells[place])),
    row("**total**", ...columns.map(({ total }) => `**${total.toFixed(2)}**`)),
  ].join("\n");
}

/** The page with the table in its place. */
export function withCost(page: string): string {
  const [before, after] = page.split(MARK);
  return `${before}${MARK}\n${costTable()}\n\n${after.replace(/^\n*(\|.*\n)*\n*/, "")}`;
}

if (require.main === module) writeFileSync(PAGE, withCost(readFileSync(PAGE, "utf8")));
