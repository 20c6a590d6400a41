import { assumptionsOf } from "./assumptions";
import type { Charge } from "./charge";
import { costOfQuantity, type Money } from "./money";
import { PRICES, type Price, type PriceTable } from "./prices";
import { HOURS_PER_MONTH, productOf, UNITS, type Unit } from "./products";
import { StackResources, UnknownInput, type CostResource } from "./resource";
import { isFree, RULES } from "./rules";
import type { Quantity } from "./tasks";

/** One line of a cost: all resources with the same charge. */
export interface CostLine {
  what: string;
  /** Names of the resources. */
  resources: string[];
  quantity: Quantity;
  /** US dollars, as a decimal number. */
  unitPrice: string;
  unit: Unit;
  /** Hours for which the quantity is billed. Undefined: the price is not by the hour. */
  hours?: number;
  atRest: Money;
  atFullScale: Money;
}

/** A charge that depends on the usage. It is not part of the totals. */
export interface UsageCharge {
  what: string;
  /** US dollars, as a decimal number. Undefined: the table has no price. */
  unitPrice?: string;
  unit: Unit;
}

/** Cost of a stack in a month of 730 hours. */
export interface Cost {
  region: string;
  /** With the minimum number of tasks. Undefined: the table has no prices of the region. */
  atRest?: Money;
  /** With the maximum number of tasks. Undefined: the table has no prices of the region. */
  atFullScale?: Money;
  lines: CostLine[];
  usage: UsageCharge[];
  assumptions: string[];
  /** What the totals lack, because a price or an input is not known: a sentence each. */
  unpriced: string[];
}

/**
 * Cost of the resources of a stack. Resources of other providers than `aws` cost nothing.
 * @param resources - all resources of the stack: services find their task definition among them
 * @param region - AWS region, whose prices are used. Without prices, the cost has no totals and says so in `unpriced`
 */
export function costOf(resources: readonly CostResource[], region: string, prices: PriceTable = PRICES): Cost {
  const stack = new StackResources(resources);
  const lines = new Map<string, CostLine>();
  const usage = new Map<string, UsageCharge>();
  const unpriced = new Set<string>();
  const used: Price[] = [];
  let billed = false;
  const regionPrices = Object.hasOwn(prices, region) ? prices[region] : undefined;

  const add = (resource: CostResource, { what, price: key, quantity }: Charge): void => {
    if (quantity && !quantity.atRest && !quantity.atFullScale) return;
    const price = regionPrices?.[key];
    billed = true;
    if (!quantity) {
      usage.set(what, { what, unitPrice: price?.price, unit: productOf(key).unit });
    } else if (price) {
      used.push(price);
      lines.set(what, withQuantity(lines.get(what), resource.name, what, quantity, price));
    } else if (regionPrices) {
      unpriced.add(`The price table has no price for ${key} in ${region}: ${what} is not included.`);
    }
  };

  for (const resource of resources) {
    if (isFree(resource.type)) continue;
    for (const charge of chargesFor(resource, stack, unpriced)) add(resource, charge);
  }
  if (!regionPrices && billed) {
    unpriced.add(`The price table has no prices of ${region}: run \`npm run prices -- --region ${region}\`.`);
  }
  const all = [...lines.values()];
  const total = (scale: keyof Quantity): Money | undefined =>
    regionPrices && all.reduce((sum, line) => sum + line[scale], 0);
  return {
    region,
    atRest: total("atRest"),
    atFullScale: total("atFullScale"),
    lines: all,
    usage: [...usage.values()],
    assumptions: assumptionsOf(stack, region, regionPrices, used),
    unpriced: [...unpriced],
  };
}

/** The charges for a resource. If they are not known, `unpriced` gets a sentence that says why. */
function chargesFor(resource: CostResource, stack: StackResources, unpriced: Set<string>): Charge[] {
  const { name, type } = resource;
  if (!Object.hasOwn(RULES, type)) {
    unpriced.add(`The cost of resources of the type ${type} is not known: ${name} is not included.`);
    return [];
  }
  try {
    return RULES[type](resource, stack);
  } catch (error) {
    if (!(error instanceof UnknownInput)) throw error;
    unpriced.add(`${error.message} is not known: ${name} (${type}) is not included.`);
    return [];
  }
}

function withQuantity(
  line: CostLine | undefined,
  name: string,
  what: string,
  { atRest, atFullScale }: Quantity,
  { price: unitPrice, unit }: Price,
): CostLine {
  const { perMonth } = UNITS[unit];
  const quantity = {
    atRest: (line?.quantity.atRest ?? 0) + atRest,
    atFullScale: (line?.quantity.atFullScale ?? 0) + atFullScale,
  };
  return {
    what,
    resources: [...new Set([...(line?.resources ?? []), name])],
    quantity,
    unitPrice,
    unit,
    hours: perMonth === HOURS_PER_MONTH ? perMonth : undefined,
    atRest: costOfQuantity(unitPrice, quantity.atRest * perMonth),
    atFullScale: costOfQuantity(unitPrice, quantity.atFullScale * perMonth),
  };
}
