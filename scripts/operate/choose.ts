import { UserError } from "./command";

/** Digits of a short ID of a task or a container. */
const SHORT_ID = 8;

export const shortId = (id: string): string => id.slice(0, SHORT_ID);

/** Checks the name of a role. @param names - those that exist. @throws UserError that lists them */
export function requireRole(role: string, names: readonly string[]): void {
  if (!names.includes(role))
    throw new UserError(`ROLE ${role}: there is no such role. Use one of: ${names.join(", ")}.`);
}

/**
 * The item whose ID starts with a text.
 * @param ids - of the tasks or containers of the role
 * @throws UserError if there is none, or several
 */
export function chooseId(role: string, text: string, ids: readonly string[]): string {
  const found = ids.filter((id) => id.startsWith(text));
  if (found.length === 1) return found[0];
  const problem = found.length ? `several tasks of ${role} have an ID` : `no task of ${role} has an ID`;
  const known = ids.length ? ` Use one of: ${ids.map(shortId).join(", ")}.` : ` ${role} has no task.`;
  throw new UserError(`--task ${text}: ${problem} that starts with it.${known}`);
}
