import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { markdownTable, withGeneratedTable } from "../../scripts/generated-tables";
import { costOf, type Cost } from "../../scripts/preview/cost/cost";
import { formatMoney, formatUnitPrice, type Money } from "../../scripts/preview/cost/money";
import { AWS_STACKS } from "../../scripts/stack-file";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";

const PAGE = join(ROOT, "docs", "aws.md");

const SCALES = { atRest: "at rest", atFullScale: "at full scale" } as const;

type Column = { cost: Cost; scale: keyof typeof SCALES };

/** Each charge of the stacks in a month. */
function costTable(costs: readonly Cost[]): string {
  const scales = Object.keys(SCALES) as Column["scale"][];
  const columns: Column[] = costs.flatMap((cost) => scales.map((scale) => ({ cost, scale })));
  const names = [...new Set(costs.flatMap(({ lines }) => lines.map(({ what }) => what)))].sort();
  const text = (money?: Money) => (money ? formatMoney(money) : "");
  const amount = ({ cost, scale }: Column, name: string) => text(cost.lines.find(({ what }) => what === name)?.[scale]);
  return markdownTable(
    ["", ...AWS_STACKS.flatMap((stack) => scales.map((scale) => `${stack}, ${SCALES[scale]}`))],
    [
      ...names.map((name) => [name, ...columns.map((column) => amount(column, name))]),
      ["**total**", ...columns.map(({ cost, scale }) => `**${text(cost[scale])}**`)],
    ],
  );
}

/** The prices of what is billed by usage. */
function usageTable(costs: readonly Cost[]): string {
  const rows = costs.flatMap(({ usage }) =>
    usage.map(({ what, unitPrice, unit }) => [
      what,
      unitPrice ? `${formatUnitPrice(unitPrice)} per ${unit}` : "no price in the table",
    ]),
  );
  const byName = new Map(rows.map(([what, price]) => [what, price]));
  return markdownTable(["charge", "price"], [...byName].sort());
}

it("docs/aws.md has the costs of the current code (to update it, run `npm run docs`)", async () => {
  const costs: Cost[] = [];
  for (const stack of AWS_STACKS) costs.push(costOf(await awsPlatform(stack), "us-east-1"));
  const page = withGeneratedTable(readFileSync(PAGE, "utf8"), "cost", "docs", costTable(costs));
  await expect(withGeneratedTable(page, "usage", "docs", usageTable(costs))).toMatchFileSnapshot(PAGE);
});
