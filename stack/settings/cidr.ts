/** An IPv4 range, as numbers. */
export interface Range {
  start: number;
  prefix: number;
  size: number;
}

/** Reads `A.B.C.D/P`; nothing if it is none, or if its address is not the first of the range. */
export function parseRange(text: string): Range | undefined {
  const found = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (!found) return undefined;
  const [prefix, ...bytes] = [found[5], ...found.slice(1, 5)].map(Number);
  if (prefix > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const start = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - prefix);
  return start % size === 0 ? { start, prefix, size } : undefined;
}

export const formatRange = (start: number, prefix: number): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".")}/${prefix}`;

/** Whether two ranges share an address; neither does if it is no range. */
export function overlaps(a: string, b: string): boolean {
  const [one, other] = [parseRange(a), parseRange(b)];
  return !!one && !!other && one.start < other.start + other.size && other.start < one.start + one.size;
}

export function contains(outer: string, inner: string): boolean {
  const [one, other] = [parseRange(outer), parseRange(inner)];
  return !!one && !!other && one.start <= other.start && other.start + other.size <= one.start + one.size;
}
