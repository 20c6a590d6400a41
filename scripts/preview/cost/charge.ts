import { productOf, type PriceKey } from "./products";
import type { StackResources, CostResource } from "./resource";
import type { Quantity } from "./tasks";

/** What AWS bills for a resource. */
export interface Charge {
  what: string;
  price: PriceKey;
  /** In the unit of the price, for the hours of a month: 2 instances for a price by the hour. Default: it depends on the usage. */
  quantity?: Quantity;
}

/**
 * The charges for a resource.
 * @throws UnknownInput if a quantity depends on an input that is not known
 */
export type ChargeRule = (resource: CostResource, stack: StackResources) => Charge[];

/** A charge with a quantity. @param owner - tells charges for the same product apart, as in `Fargate vCPU, api` */
export function charge(price: PriceKey, quantity: number | Quantity, owner?: string): Charge {
  const what = [productOf(price).what, owner].filter(Boolean).join(", ");
  return {
    what,
    price,
    quantity: typeof quantity === "number" ? { atRest: quantity, atFullScale: quantity } : quantity,
  };
}

/** Charges that depend on the usage. */
export const usage = (...prices: PriceKey[]): Charge[] =>
  prices.map((price) => ({ what: productOf(price).what, price }));
