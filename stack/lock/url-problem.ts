import { withoutCredentials } from "../config/problem";

/**
 * Why a lock cannot contain the URL of a package, with the remedy. Undefined if it can, or if the text has no URL.
 * @param what - the start of the sentence: what has the URL
 */
export function urlProblem(what: string, text: string): string | undefined {
  const remedy = "set the credentials in ~/.netrc for this command, and in the setting netrc for the builds";
  if (/ssh:\/\//i.test(text))
    return withoutCredentials(`${what} uses SSH, and an image build has no SSH key: use https, and ${remedy}`);
  if (withoutCredentials(text) === text) return undefined;
  return withoutCredentials(
    `${what} has a user or a password in its URL, which the lock would contain: remove them, and ${remedy}`,
  );
}
