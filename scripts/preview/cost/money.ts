/** Micro-dollars (a millionth of a US dollar), an integer: sums are exact. */
export type Money = number;

/** Quantities are multiples of 1/1024: CPU units are 1/1024 vCPU, and MiB are 1/1024 GiB. */
const PARTS = 1024;

/** Decimals of a price that are kept. */
const DECIMALS = 9;

/**
 * What a quantity costs, rounded to a micro-dollar.
 * @param price - US dollars per unit, as a decimal number
 * @param quantity - a multiple of 1/1024
 * @throws RangeError if the price is not a decimal number with at most 9 decimals, or the quantity is not a multiple of 1/1024
 */
export function costOfQuantity(price: string, quantity: number): Money {
  const match = /^(\d+)(?:\.(\d+?)0*)?$/.exec(price);
  if (!match || (match[2] ?? "").length > DECIMALS) throw new RangeError(`invalid price: ${price}`);
  if (!Number.isInteger(quantity * PARTS)) throw new RangeError(`not a multiple of 1/${PARTS}: ${quantity}`);
  const nanoDollars = BigInt(match[1] + (match[2] ?? "").padEnd(DECIMALS, "0"));
  const divisor = BigInt(PARTS * 1000);
  return Number((nanoDollars * BigInt(quantity * PARTS) + divisor / 2n) / divisor);
}

/** `$1,234.56`, or `-$1,234.56`. Half a cent is rounded up. */
export function formatMoney(amount: Money): string {
  const cents = Math.round(Math.abs(amount) / 10_000);
  const dollars = Math.floor(cents / 100).toLocaleString("en-US");
  return `${amount < 0 && cents ? "-" : ""}$${dollars}.${String(cents % 100).padStart(2, "0")}`;
}

/** `$0.30` for `0.3`, and `$0.004445` for `0.004445`. */
export function formatUnitPrice(price: string): string {
  const [dollars, decimals = ""] = price.split(".");
  return `$${dollars}.${decimals.padEnd(2, "0")}`;
}
