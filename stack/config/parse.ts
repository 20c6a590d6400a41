import { closest, distance } from "fastest-levenshtein";
import { schemaMessage } from "./messages";
import type { Problem } from "./problem";
import { ruleProblems } from "./rules";
import { APP_SOURCE_KEYS, KNOWN_KEYS, settingsSchema, type ParsedSettings } from "./schema";

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
const TEXT_KEYS = new Set([
  "release",
  "promoteFrom",
  "rebuild",
  "platform",
  "gpu",
  "python",
  "netrc",
  "huggingFaceToken",
]);

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
  if (issue.path[0] === "app" && !concernsAppOption(issue)) {
    const options = appOptionIssues(issue);
    if (options) return options.flatMap((option) => issueProblems(option, show));
    const remedy =
      "the app is either a path, as in `pulumi config set --path spatialforge:app.path sample-app`, or a repository together with a ref and optionally a folder";
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

/** Whether an issue is not about the source of the application. */
const concernsAppOption = (issue: Issue): boolean => {
  const [, key] = issue.path;
  const keys = issue.code === "unrecognized_keys" && key === undefined ? issue.keys : [key];
  return keys.every((name) => name !== undefined && !APP_SOURCE_KEYS.includes(String(name)));
};

/** The issues of an application whose source is valid. Undefined if its source is not. */
function appOptionIssues(issue: Issue): Issue[] | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const branches = issue.errors.map((issues) => issues.map((one) => ({ ...one, path: [...issue.path, ...one.path] })));
  return branches.find((issues) => issues.length > 0 && issues.every(concernsAppOption));
}

/** The value to show in a message, without secrets. */
function displayed(
  values: Record<string, unknown>,
  path: readonly PropertyKey[],
  secretKeys: ReadonlySet<string>,
): string | undefined {
  if (
    path[0] === "netrc" ||
    path[0] === "huggingFaceToken" ||
    (path[0] !== undefined && secretKeys.has(String(path[0])))
  )
    return "[secret]";
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
