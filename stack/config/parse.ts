import { closest, distance } from "fastest-levenshtein";
import { schemaMessage } from "./messages";
import type { Problem } from "./problem";
import { ruleProblems } from "./rules";
import { APP_LISTS, KNOWN_KEYS, settingsSchema, type ParsedSettings } from "./schema";

/** The configuration of a stack in the namespace `spatialforge`. */
export interface RawConfig {
  /** Default: `spatialforge`. */
  project?: string;
  stack: string;
  /** Values by key, as Pulumi passes them. Structured values are JSON. */
  values: Record<string, string>;
  /** Keys whose values are secret. */
  secretKeys?: ReadonlySet<string>;
}

/** Keys whose values are plain text, even if they look like JSON. */
const TEXT_KEYS = new Set(["release", "rebuild", "platform", "gpu", "python", "netrc"]);

/** Parses and checks the configuration of a stack. Returns all problems. Returns no settings if the values do not match the schema. */
export function parseSettings({ project = "spatialforge", stack, values: texts, secretKeys = new Set() }: RawConfig): {
  settings?: ParsedSettings;
  problems: Problem[];
} {
  const values = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, decode(key, text)]));
  const parsed = settingsSchema.safeParse(values, { error: schemaMessage });
  if (parsed.success) {
    return { settings: parsed.data, problems: ruleProblems(parsed.data, { project, stack, secretKeys }) };
  }
  const show = (path: readonly PropertyKey[]) => displayed(values, path, secretKeys);
  return { problems: parsed.error.issues.flatMap((issue) => issueProblems(issue, show)) };
}

type Issue = NonNullable<ReturnType<typeof settingsSchema.safeParse>["error"]>["issues"][number];

function issueProblems(issue: Issue, show: (path: readonly PropertyKey[]) => string | undefined): Problem[] {
  if (issue.path[0] === "app") {
    const nested =
      issue.code === "invalid_union" ? issue.errors.flat().map(({ path }) => String(path[0])) : [String(issue.path[1])];
    const list = nested.find((name) => APP_LISTS.includes(name));
    if (list) {
      const remedy = `it is a list of ${list === "buildPackages" ? "Debian packages" : list}, as in \`pulumi config set --path 'spatialforge:app.${list}[0]' NAME\``;
      return [{ key: `app.${list}`, value: show(["app", list]), remedy }];
    }
    const remedy =
      "the app is either a path, as in `pulumi config set --path spatialforge:app.path sample-app`, or a repository together with a ref";
    return [{ key: "app", value: show(["app"]), remedy }];
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => ({
      key: [...issue.path, name].join("."),
      value: show([...issue.path, name]),
      remedy: `this setting does not exist${suggestion(name, issue.path)}`,
    }));
  }
  // For an invalid key, the message is in a nested issue.
  const { message } = issue.code === "invalid_key" ? issue.issues[0] : issue;
  return [{ key: issue.path.join("."), value: show(issue.path), remedy: message }];
}

/** The value to show in a message, without secrets. */
function displayed(
  values: Record<string, unknown>,
  path: readonly PropertyKey[],
  secretKeys: ReadonlySet<string>,
): string | undefined {
  if (path[0] === "netrc" || (path[0] !== undefined && secretKeys.has(String(path[0])))) return "[secret]";
  if (path[0] === "env") return undefined; // a variable can contain a secret, even if it is in plain text
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], values);
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Structured values and numbers arrive as JSON. Text that is not JSON stays text. */
function decode(key: string, text: string): unknown {
  if (TEXT_KEYS.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function suggestion(name: string, path: readonly PropertyKey[]): string {
  const known = KNOWN_KEYS[path.join(".")] ?? [];
  const nearest = known.length ? closest(name, known) : undefined;
  return nearest && distance(name, nearest) <= Math.max(2, name.length / 2)
    ? `: did you mean ${[...path, nearest].join(".")}?`
    : `: the settings are ${known.join(", ")}`;
}
