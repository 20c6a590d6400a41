/**
 * Which paths the load balancer forwards. It compares a path as it was sent: with its case, its doubled slashes, its dots and its
 * percent-encodings. In a pattern `*` is any text, slashes too, and `?` any one character. Source: Listener rules for Application Load Balancers,
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#path-conditions
 */

/** The application's public paths. Everything else stays inside: above all `/metrics` and `/v1/admin/...`. */
export const PUBLIC_PATHS: readonly string[] = [
  "/",
  "/health",
  "/docs",
  "/redoc",
  "/openapi.json",
  "/static/*",
  "/.well-known/security.txt",
  "/v1/depth",
  "/v1/depth/visualize",
  "/v1/pose",
  "/v1/reconstruct",
  "/v1/reconstruct/*",
  "/v1/measure",
  "/v1/floorplan",
  "/v1/floorplan/*",
  "/v1/segment-3d",
  "/v1/segment-3d/*",
  "/v1/inspect",
  "/v1/inspect/*",
  "/v1/billing/plans",
  "/v1/billing/usage",
  "/v1/billing/checkout",
  "/v1/billing/portal",
  "/v1/billing/webhooks",
];

/** Never forwarded, even below a public path: what a server behind might take for another path. No path of the application has them. */
export const DENIED_PATHS: readonly string[] = ["*..*", "*//*"];

/** Paths of the application that must stay inside. */
const INSIDE = ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status", "/v1/admin/"];

/** Values of all conditions of one rule. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html */
export const VALUES_PER_RULE = 5;
const LONGEST = 128;
const ALLOWED = /^[A-Za-z0-9_\-.$/~"'@:+&*?]+$/;

/** A pattern as a regular expression on a path as it was sent. */
export function asRegExp(pattern: string): RegExp {
  const parts = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${parts}$`);
}

/** Whether the load balancer forwards a path: the first rule that matches decides, and without one it answers 404. */
export function isForwarded(path: string, patterns: readonly string[]): boolean {
  const matches = (list: readonly string[]) => list.some((pattern) => asRegExp(pattern).test(path));
  return !matches(DENIED_PATHS) && matches(patterns);
}

/** Spellings of a path that a server may take for the same one. */
export function spellings(path: string): string[] {
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

/** What is wrong with a pattern that is to be public, with the remedy. */
export function pathProblem(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return "a path starts with /";
  if (pattern.length > LONGEST) return `a path has at most ${LONGEST} characters`;
  if (!ALLOWED.test(pattern)) return "a path has letters, digits, * and ?, and _ - . $ / ~ \" ' @ : + &";
  const open = INSIDE.flatMap(spellings).find((path) => isForwarded(path, [pattern]));
  return open && `it would make ${open} public, which is for the inside only: name what is public more exactly`;
}
