/** Normalizes a name as in PEP 503: `Foo_Bar` and `foo.bar` become `foo-bar`. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** The normalized name in a requirement, such as `celery` in `Celery[redis]>=5`. Empty if the text starts with no name. */
export function requirementName(requirement: string): string {
  return normalizeName(/^\s*([a-z0-9][\w.-]*)/i.exec(requirement)?.[1] ?? "");
}
