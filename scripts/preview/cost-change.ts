import { costOf, type Cost } from "./cost/cost";
import type { Money } from "./cost/money";
import type { CostResource } from "./cost/resource";
import type { ResourceChange } from "./resource-change";

/** Cost of a month in US dollars, rounded to cents. Undefined if the price table does not have the region. */
export interface MonthlyCost {
  atRest?: number;
  atFullScale?: number;
}

/** What a change costs. */
export interface CostChange {
  region: string;
  /** Undefined before the first deployment. */
  before?: MonthlyCost;
  after: MonthlyCost;
  /** The lines of the cost that differ. */
  lines: { what: string; before: MonthlyCost; after: MonthlyCost }[];
  assumptions: string[];
  /** What the totals lack: a sentence each. */
  unpriced: string[];
}

/** The cost before and after a preview. Undefined for a stack without AWS resources. @param region - AWS region of the stack */
export function costChange(changes: readonly ResourceChange[], region: string): CostChange | undefined {
  const [before, after] = [resources(changes, "old"), resources(changes, "new")].map((some) => costOf(some, region));
  if (!after.lines.length && !after.unpriced.length) return undefined;
  const names = [...new Set([...before.lines, ...after.lines].map(({ what }) => what))];
  const lines = names.map((what) => ({
    what,
    before: monthly(lineOf(before, what)),
    after: monthly(lineOf(after, what)),
  }));
  return {
    region,
    ...(before.lines.length && { before: monthly(before) }),
    after: monthly(after),
    lines: lines.filter((line) => JSON.stringify(line.before) !== JSON.stringify(line.after)),
    assumptions: after.assumptions,
    unpriced: after.unpriced,
  };
}

/** All resources, as they are before or after the change. */
const resources = (changes: readonly ResourceChange[], when: "old" | "new"): CostResource[] =>
  changes.flatMap(({ urn, type, name, parent, ...change }) =>
    change[when] ? [{ urn, type, name, parent, inputs: change[when] }] : [],
  );

type Amounts = { atRest?: Money; atFullScale?: Money };

const lineOf = ({ lines }: Cost, name: string): Amounts =>
  lines.find(({ what }) => what === name) ?? { atRest: 0, atFullScale: 0 };

const monthly = ({ atRest, atFullScale }: Amounts): MonthlyCost => ({
  atRest: dollars(atRest),
  atFullScale: dollars(atFullScale),
});

/** Micro-dollars as US dollars, rounded to cents. */
const dollars = (amount: Money | undefined): number | undefined =>
  amount === undefined ? undefined : Math.round(amount / 10_000) / 100;
