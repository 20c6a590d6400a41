import { missingPermission } from "../operate/missing-permission";
import type { Section } from "./model";

/** A read that failed because a permission is missing. */
export class DeniedError extends Error {}

/**
 * The result of a read. If a permission is missing, the result says which one, so that it does not hide the other sections.
 * @throws all other errors
 */
export async function section<T>(read: Promise<T>): Promise<Section<T>> {
  try {
    return { data: await read };
  } catch (error) {
    const reason = error instanceof DeniedError ? error.message : missingPermission(error as Error);
    if (!reason) throw error;
    return { unknown: reason };
  }
}

/** The data of a section. @throws DeniedError if it is unknown */
export function known<T>(section: Section<T>): T {
  if ("data" in section) return section.data;
  throw new DeniedError(section.unknown);
}
