/** Functions that read the properties of resources, whose values can be unknown in a preview. */

/** A value that a preview does not know. Rules accept it: the update checks the known value before it creates the resource. */
export const UNKNOWN = Symbol("unknown");

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The value at a path, as in `ebs.encrypted`. It is unknown if a part of the path is. */
export function at(value: unknown, path: string): unknown {
  for (const key of path.split(".")) {
    if (value === UNKNOWN) return UNKNOWN;
    value = isObject(value) ? value[key] : undefined;
  }
  return value;
}

/** The elements of a list. A single value is a list of one, and an unknown or missing value is an empty list. */
export function list(value: unknown): unknown[] {
  if (value === undefined || value === null || value === UNKNOWN) return [];
  return Array.isArray(value) ? value : [value];
}

/** Accepts an unknown value. */
export const isOneOf = (value: unknown, ...allowed: unknown[]): boolean => value === UNKNOWN || allowed.includes(value);

/** Accepts an unknown value, and the text `"true"`, which some properties of the AWS provider have instead of a boolean. */
export const isTrue = (value: unknown): boolean => isOneOf(value, true, "true");

export const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** Accepts an unknown value. */
export const isAtLeast = (value: unknown, minimum: number): boolean =>
  value === UNKNOWN || (typeof value === "number" && value >= minimum);

/** A text for a message. */
export const shown = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value ?? "not set");

/** Parses JSON in a property. Other values are returned as they are. */
export const parsed = (value: unknown): unknown => (typeof value === "string" ? (JSON.parse(value) as unknown) : value);

/** All properties at any depth, with their paths. */
export function* properties(value: unknown, path = ""): Generator<[path: string, key: string, value: unknown]> {
  if (!isObject(value)) return;
  for (const [key, child] of Object.entries(value)) {
    const childPath = path ? `${path}.${key}` : key;
    yield [childPath, key, child];
    yield* properties(child, childPath);
  }
}
