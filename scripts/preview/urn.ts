/** The name in a URN. */
export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

/** The type in a URN, without the types of its parents. */
export const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";
