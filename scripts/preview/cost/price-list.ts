import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { isInstanceType } from "../../../stack/aws/compute/instance-types";
import type { RegionPrices } from "./prices";
import { PRODUCTS, UNITS, type PriceKey, type Product, type ProductName } from "./products";

/** The public AWS Price List. It needs no credentials. */
export const PRICE_LIST_URL = "https://pricing.us-east-1.amazonaws.com";

/** The price list cannot be read, or is not as expected. The message lists all problems. */
export class PriceListError extends Error {}

/** A row of a file, by the names of the columns in lower case and without spaces. */
type Row = Record<string, string>;

type NamedProduct = readonly [ProductName, Product];

const NAMED_PRODUCTS = Object.entries(PRODUCTS) as [ProductName, Product][];

/**
 * Reads the prices of all products in a region.
 * @param url - address of the price list
 * @throws PriceListError if a file cannot be read, or a product has another unit than expected or several prices
 */
export async function readPriceList(url: string, region: string): Promise<RegionPrices> {
  const prices: RegionPrices = {};
  const problems: string[] = [];
  for (const offer of new Set(NAMED_PRODUCTS.map(([, product]) => product.offer))) {
    const products = NAMED_PRODUCTS.filter(([, product]) => product.offer === offer);
    const source = `${url}/offers/v1.0/aws/${offer}/current/${region}/index.csv`;
    try {
      Object.assign(prices, await readOffer(source, region, products));
    } catch (error) {
      problems.push(`${source}: ${reasonOf(error as Error)}`);
    }
  }
  if (problems.length) throw new PriceListError(problems.join("\n"));
  return prices;
}

/** `fetch` reports the reason of a failed connection as the cause of its error. */
const reasonOf = ({ message, cause }: Error & { cause?: unknown }): string =>
  cause instanceof Error ? cause.message || message : message;

async function readOffer(source: string, region: string, products: readonly NamedProduct[]): Promise<RegionPrices> {
  const response = await fetch(source);
  if (!response.ok || !response.body) {
    throw new PriceListError(
      `HTTP ${response.status}: check whether ${region} is a region of AWS that offers the service`,
    );
  }
  const found = new Map<PriceKey, Row[]>();
  let columns: string[] | undefined;
  let date = "";
  // The file of Amazon EC2 has hundreds of megabytes, so it is read line by line.
  for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (!columns) {
      const cells = cellsOf(line);
      if (cells[0] === "Publication Date") date = cells[1].slice(0, 10);
      if (cells[0] === "SKU") columns = cells.map((cell) => cell.toLowerCase().replaceAll(" ", ""));
    } else if (line.includes("OnDemand")) {
      const row = Object.fromEntries(cellsOf(line).map((cell, index) => [columns![index], cell]));
      const key = keyOf(row, region, products);
      if (key) found.set(key, [...(found.get(key) ?? []), row]);
    }
  }
  if (!columns || !date) throw new PriceListError("the file has no publication date or no column SKU");
  return Object.fromEntries([...found].map(([key, rows]) => [key, { ...priceOf(key, rows), source, date }]));
}

/** The cells of a line. A quote in a quoted cell is doubled. Empty cells can be without quotes. */
const cellsOf = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );

/** The key of the price in a row. Undefined: it is a price of another product, or of a Local Zone or an Outpost. */
function keyOf(row: Row, region: string, products: readonly NamedProduct[]): PriceKey | undefined {
  if (row.termtype !== "OnDemand") return undefined;
  if (row.locationtype && row.locationtype !== "AWS Region") return undefined;
  // Without a prefix in us-east-1, and with one like EUC1-, EU- or eu-central-1- elsewhere.
  const usageType = row.usagetype.replace(new RegExp(`^(?:[A-Z]{2,4}\\d?|${region})-`), "");
  for (const [name, { usageType: expected, operation, accessType }] of products) {
    if (operation && operation !== row.operation) continue;
    if (accessType && accessType !== row.accesstype) continue;
    if (expected === usageType) return name;
    const prefix = expected.replace(/\*$/, "");
    if (prefix === expected || !usageType.startsWith(prefix)) continue;
    const type = usageType.slice(prefix.length);
    if (name !== "instance" || isInstanceType(type)) return `${name}:${type}`;
  }
  return undefined;
}

/** The price of a product: of its first tier that is not free. */
function priceOf(key: PriceKey, rows: readonly Row[]): { price: string; unit: Product["unit"] } {
  const { unit, usageType } = PRODUCTS[key.split(":")[0] as ProductName];
  const tiers = rows
    .filter(({ priceperunit, currency }) => Number(priceperunit) > 0 && currency === "USD")
    .sort((a, b) => Number(a.startingrange) - Number(b.startingrange));
  const first = tiers.filter(({ startingrange }) => startingrange === tiers[0].startingrange);
  const prices = new Set(first.map(({ priceperunit }) => decimal(priceperunit)));
  const units = [...new Set(first.map(({ unit: listed }) => listed))];
  if (prices.size !== 1) {
    const list = [...prices].join(", ") || "none";
    throw new PriceListError(`${key} (${usageType}) must have one price in US dollars, and has: ${list}`);
  }
  if (!units.every((listed) => UNITS[unit].listed.test(listed))) {
    throw new PriceListError(`${key} (${usageType}) must have a price per ${unit}, and it is per ${units.join(", ")}`);
  }
  return { price: [...prices][0], unit };
}

/** A decimal number without zeros at its end, also if the list writes it as in 4E-7. */
const decimal = (number: string): string =>
  (/e/i.test(number) ? Number(number).toFixed(12) : number).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
