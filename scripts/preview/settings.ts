import type { Config } from "./base-ref";

/** A setting of the stack file that differs from the base ref. A value that is absent is undefined, and a secret one `[secret]`. */
export interface ChangedSetting {
  key: string;
  before?: string;
  after?: string;
}

/** The settings that differ, by the keys that `pulumi config set --path` takes. */
export function changedSettings({ before, after }: { before: Config; after: Config }): ChangedSetting[] {
  const [old, current] = [before, after].map((config) => new Map(flatten(config)));
  const keys = [...new Set([...old.keys(), ...current.keys()])].sort();
  return keys
    .filter((key) => old.get(key) !== current.get(key))
    .map((key) => ({ key: key.replace(SECRET, ""), before: shown(key, old), after: shown(key, current) }));
}

/** End of the path of an encrypted value: Pulumi stores it below `secure`. */
const SECRET = /\.secure$/;

const shown = (key: string, values: Map<string, string>): string | undefined =>
  SECRET.test(key) && values.has(key) ? "[secret]" : values.get(key);

function flatten(value: unknown, key = ""): [string, string][] {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return [[key, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, key ? `${key}.${name}` : name));
}
