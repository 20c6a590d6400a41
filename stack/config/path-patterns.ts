/**
 * Which paths the load balancer forwards. It compares a path as the client sent it and does not normalize case, repeated slashes, dots, or
 * percent-encoding. In a pattern, `*` is any text, including slashes, and `?` is any one character. Source: Listener rules for Application
 * Load Balancers, https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#path-conditions
 */
import { APPLICATION } from "../app/application";

/**
 * Patterns that are never forwarded, even below a public path: a server could resolve such a path to another path. No path of the
 * application matches them.
 */
export const DENIED_PATHS: readonly string[] = ["*..*", "*//*"];

/**
 * Maximum values of all conditions of one rule.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
 */
export const MAXIMUM_VALUES_PER_RULE = 5;
/** Maximum characters of a pattern, from the same page. */
const MAXIMUM_LENGTH = 128;
const ALLOWED_CHARACTERS = /^[A-Za-z0-9_\-.$/~"'@:+&*?]+$/;

/** Converts a pattern to a regular expression for a path as the client sent it. */
export function toRegExp(pattern: string): RegExp {
  const parts = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${parts}$`);
}

/** Whether the load balancer forwards a path: the first matching rule decides. Without a match, it returns 404. */
export function isForwarded(path: string, patterns: readonly string[]): boolean {
  const matches = (list: readonly string[]) => list.some((pattern) => toRegExp(pattern).test(path));
  return !matches(DENIED_PATHS) && matches(patterns);
}

/** Spellings of a path that a server could treat as the same path. */
export function equivalentPaths(path: string): string[] {
  const encoded = [...path].map((char) => (char === "/" ? char : `%${char.charCodeAt(0).toString(16)}`)).join("");
  const first = path.replace(/[a-z]/, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return [
    path,
    encoded,
    encoded.toUpperCase(),
    first,
    first.replace("%", "%25"),
    path.toUpperCase(),
    path.replace(/[a-z]/, (char) => char.toUpperCase()),
    `/${path}`,
    path.replaceAll("/", "//"),
    path.replaceAll("/", "%2f"),
    path.replaceAll("/", "\\"),
    `/.${path}`,
    `/%2e${path}`,
    `/x/..${path}`,
    `${path}/.`,
    `${path}/`,
    `${path};a=b`,
    `${path}%00`,
    `${path}%20`,
    `${path}?a=b`,
  ];
}

/** Why a pattern cannot be public, with the remedy. Returns undefined if it can. */
export function pathProblem(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return "a path must start with /";
  if (pattern.length > MAXIMUM_LENGTH) return `a path has at most ${MAXIMUM_LENGTH} characters`;
  if (!ALLOWED_CHARACTERS.test(pattern)) return "a path has letters, digits, * and ?, and _ - . $ / ~ \" ' @ : + &";
  const exposed = APPLICATION.internalPaths.flatMap(equivalentPaths).find((path) => isForwarded(path, [pattern]));
  return exposed && `it would make ${exposed} public, which is an internal path: use a more specific pattern`;
}
