import table from "../../../stack/aws/prices.json";
import type { PriceKey, Unit } from "./products";

/** A price of the table `stack/aws/prices.json`. */
export interface Price {
  /** US dollars per unit, as a decimal number. */
  price: string;
  unit: Unit;
  /** Where the price is published. */
  source: string;
  /** Date of the source: YYYY-MM-DD. */
  date: string;
}

/** Prices of a region, by their keys. */
export type RegionPrices = Partial<Record<PriceKey, Price>>;

/** Prices by region. */
export type PriceTable = Readonly<Record<string, RegionPrices>>;

/** The table of prices. `npm run prices` renews it. */
export const PRICES = table as PriceTable;
