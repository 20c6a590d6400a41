import { normalizeName } from "./requirement";
import { urlProblem } from "./url-problem";

type Source = Readonly<Record<string, unknown>>;

/**
 * The entries of `tool.uv.sources` that apply to the requirements of a lock. A source for an extra or a group that is not chosen is left out.
 * @param names - normalized names of the packages that the app requires, overrides, or constrains
 * @param problems - gets a line for each source that cannot be used
 */
export function usedSources(
  sources: Readonly<Record<string, unknown>>,
  chosen: { readonly extras: object; readonly groups: object },
  names: ReadonlySet<string>,
  problems: string[],
): Record<string, readonly Source[]> {
  const includes = (table: object, name?: unknown) => typeof name !== "string" || normalizeName(name) in table;
  const used: Record<string, readonly Source[]> = {};
  for (const [key, value] of Object.entries(sources)) {
    const name = normalizeName(key);
    for (const { extra, group, ...source } of [value].flat() as Source[]) {
      if (!names.has(name) || !includes(chosen.extras, extra) || !includes(chosen.groups, group)) continue;
      const local = ["path", "workspace"].find((kind) => kind in source);
      if (local) {
        problems.push(
          `the source of ${name} in [tool.uv.sources] is a ${local}, which no image contains: publish the package to an index, or use its git repository`,
        );
      }
      const problem = urlProblem(`the source of ${name} in [tool.uv.sources]`, JSON.stringify(source));
      if (problem) problems.push(problem);
      // In a lock, all chosen extras and groups apply at the same time.
      used[name] = [...(used[name] ?? []), source];
    }
  }
  return used;
}
