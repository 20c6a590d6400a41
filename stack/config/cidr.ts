/** An IPv4 CIDR block, as numbers. */
export interface CidrBlock {
  /** First address. */
  start: number;
  /** Prefix length in bits. */
  prefix: number;
  /** Number of addresses. */
  size: number;
}

/** Parses `A.B.C.D/P`. Returns undefined if the text is not a CIDR block, or if host bits are set. */
export function parseCidrBlock(text: string): CidrBlock | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (!match) return undefined;
  const [prefix, ...bytes] = [match[5], ...match.slice(1, 5)].map(Number);
  if (prefix > 32 || bytes.some((byte) => byte > 255)) return undefined;
  const start = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - prefix);
  return start % size === 0 ? { start, prefix, size } : undefined;
}

/** Formats a CIDR block. @param start - first address, as a number */
export const formatCidrBlock = (start: number, prefix: number): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".")}/${prefix}`;

/** Whether two CIDR blocks share an address. False if either is invalid. */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [parseCidrBlock(a), parseCidrBlock(b)];
  return !!first && !!second && first.start < second.start + second.size && second.start < first.start + first.size;
}

/** Whether the first CIDR block contains all of the second. False if either is invalid. */
export function contains(outer: string, inner: string): boolean {
  const [first, second] = [parseCidrBlock(outer), parseCidrBlock(inner)];
  return !!first && !!second && first.start <= second.start && second.start + second.size <= first.start + first.size;
}
