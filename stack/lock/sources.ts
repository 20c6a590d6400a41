import { normalizeName } from "./requirement";

type Source = Readonly<Record<string, unknown>>;

/**
 * The entries of `tool.uv.sources` that apply to the requirements of a lock. A source for an extra or a group that is not chosen is left out.
 * @param names - normalized names of the packages that the app requires
 * @param problems - gets a line for each source that cannot be used
 */
export function usedSources(
  sources: Readonly<Record<string, unknown>>,
  chosen: { readonly extras: object; readonly groups: object },
  names: ReadonlySet<string>,
  problems: string[],
): Record<string, readonly Source[]> {
  const used: Record<string, readonly Source[]> = {};
  for (const [key, value] of Object.entries(sources)) {
    const name = normalizeName(key);
    const applies = ({ extra, group }: Source) =>
      (typeof extra !== "string" || normalizeName(extra) in chosen.extras) &&
      (typeof group !== "string" || normalizeName(group) in chosen.groups);
    const entries = [value].flat() as Source[];
    const applied = names.has(name) ? entries.filter(applies) : [];
    const local = applied.flatMap((source) => ["path", "workspace"].filter((kind) => kind in source))[0];
    if (local) {
      problems.push(
        `the source of ${name} in [tool.uv.sources] is a ${local}, which no image contains: publish the package to an index, ` +
          "or use its git repository",
      );
    } else if (applied.length > 0) {
      // In a lock, all chosen extras and groups apply at the same time.
      used[name] = applied.map((source) =>
        Object.fromEntries(Object.entries(source).filter(([field]) => field !== "extra" && field !== "group")),
      );
    }
  }
  return used;
}
