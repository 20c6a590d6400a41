/** `npm run prices`: renews the prices of a region in stack/aws/prices.json. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PRICE_LIST_URL, PriceListError, readPriceList } from "./preview/cost/price-list";
import type { PriceTable, RegionPrices } from "./preview/cost/prices";
import { PRODUCTS } from "./preview/cost/products";
import { ROOT } from "../stack/root";

const USAGE = `Usage: npm run prices -- [options]

Renews the prices of an AWS region in stack/aws/prices.json, from the AWS Price List. Needs no credentials.
The file of Amazon EC2 has hundreds of megabytes.

  --region REGION  default: us-east-1
  --url URL        address of the price list (default: ${PRICE_LIST_URL})
  --file PATH      table to renew (default: stack/aws/prices.json)
  --help           print this help
`;

/** The prices of a region after a renewal, in the order of the products. Prices that the list does not have are kept. */
export function merged(old: RegionPrices, renewed: RegionPrices): RegionPrices {
  const order = Object.keys(PRODUCTS);
  const rank = (key: string) => order.indexOf(key.split(":")[0]);
  const all = Object.entries({ ...old, ...renewed });
  all.sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b, "en", { numeric: true }));
  return Object.fromEntries(all);
}

/** A line for each price that changed, is new, or is not in the price list. */
export function report(old: RegionPrices, renewed: RegionPrices): string[] {
  const keys = Object.keys(merged(old, renewed)) as (keyof RegionPrices)[];
  const changes = keys.flatMap((key) => {
    const [before, after] = [old[key], renewed[key]];
    if (!after) return [`${key}: not in the price list, the price of ${before?.date} is kept`];
    if (!before) return [`${key}: ${after.price} per ${after.unit}, new`];
    return before.price === after.price ? [] : [`${key}: ${before.price} -> ${after.price} per ${after.unit}`];
  });
  const missing = Object.entries(PRODUCTS).filter(
    ([name]) => !keys.some((key) => key === name || key.startsWith(`${name}:`)),
  );
  return [
    ...changes,
    ...missing.map(([name, { offer, usageType }]) => `${name}: no price (${offer}, usage type ${usageType})`),
  ];
}

/** @returns exit code */
export async function main(args: string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args,
      options: {
        region: { type: "string", default: "us-east-1" },
        url: { type: "string", default: PRICE_LIST_URL },
        file: { type: "string", default: join(ROOT, "stack", "aws", "prices.json") },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const { region, url, file } = values;
    const table = JSON.parse(readFileSync(file, "utf8")) as PriceTable;
    const old = table[region] ?? {};
    const renewed = await readPriceList(url, region);
    console.log([...report(old, renewed), `${Object.keys(renewed).length} prices of ${region} renewed`].join("\n"));
    writeFileSync(file, `${JSON.stringify({ ...table, [region]: merged(old, renewed) }, null, 2)}\n`);
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("ERR_PARSE_ARGS")) {
      console.error(`${message}\n\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof PriceListError)) throw error;
    console.error(`The prices are unchanged.\n${message}`);
    return 1;
  }
}

if (require.main === module) void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
