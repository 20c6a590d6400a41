import { closest, distance } from "fastest-levenshtein";
import { awsProblems } from "./aws-rules";
import { KNOWN_KEYS, RESERVED_ENV, SECRET_ENV, settingsSchema, type Settings } from "./schema";

/** One thing that is wrong with the settings, or with the machine for these settings. */
export interface Problem {
  /** The config key, as in `spatialforge:KEY`. */
  key: string;
  /** What is there; never a secret's value. */
  value?: string;
  /** What is wrong and how to mend it, in one sentence. */
  remedy: string;
}

export interface RawConfig {
  /** Values as Pulumi has them: text, and JSON for all that is structured. Keys without the namespace. */
  values: Record<string, string>;
  /** Keys whose values are secret. */
  secret?: ReadonlySet<string>;
  stack: string;
}

/** Reads a stack's whole config: the settings, or everything that is wrong with them. */
export function parseSettings(raw: RawConfig): { settings?: Settings; problems: Problem[] } {
  const values = Object.fromEntries(Object.entries(raw.values).map(([key, text]) => [key, decode(key, text)]));
  const parsed = settingsSchema.safeParse(values);
  const show = (path: PropertyKey[]) => {
    if (path[0] === "netrc" || (path[0] !== undefined && raw.secret?.has(String(path[0])))) return "[secret]";
    const value = path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], values);
    return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  };
  if (parsed.success) return { settings: parsed.data, problems: ruleProblems(parsed.data, raw) };
  const problems = parsed.error.issues.flatMap((issue): Problem[] => {
    const key = issue.path.join(".");
    if (issue.path[0] === "app") {
      return [
        {
          key: "app",
          value: show(["app"]),
          remedy:
            "the app is either a path, as in `pulumi config set --path spatialforge:app.path sample-app`, or a repository together with a ref",
        },
      ];
    }
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((name) => ({
        key: [...issue.path, name].join("."),
        value: show([...issue.path, name]),
        remedy: `there is no such setting${nearest(name, issue.path)}`,
      }));
    }
    return [{ key, value: show(issue.path), remedy: issue.message.replace(/^Invalid (input|option): /, "") }];
  });
  return { problems };
}

/** What a schema can't say: settings that depend on each other or on the stack. */
function ruleProblems(settings: Settings, raw: RawConfig): Problem[] {
  const problems: Problem[] = [];
  if (settings.port === settings.registryPort) {
    problems.push({
      key: "registryPort",
      value: String(settings.port),
      remedy: "it is the API's port too: give each its own",
    });
  }
  if (settings.netrc && !raw.secret?.has("netrc")) {
    problems.push({
      key: "netrc",
      remedy: "a secret must not stand in plain text: `pulumi config set --secret spatialforge:netrc < .netrc`",
    });
  }
  if (settings.platform === "aws") problems.push(...awsProblems(settings.aws, raw.stack));
  for (const [name, value] of Object.entries(settings.env)) {
    const key = `env.${name}`;
    if (RESERVED_ENV.has(name)) problems.push({ key, remedy: "the stack sets this variable itself: remove it" });
    if (SECRET_ENV.has(name) && !raw.secret?.has("env")) {
      problems.push({
        key,
        remedy: `a secret must not stand in plain text: \`pulumi config set --secret --path spatialforge:env.${name}\``,
      });
    }
    if (raw.stack !== "prod") continue;
    if (["DEMO_MODE", "RESEARCH_MODE"].includes(name) && /^(true|1|yes|on)$/i.test(value)) {
      problems.push({ key, value, remedy: "it is never true in production: remove it" });
    }
    if (name === "ALLOWED_ORIGINS" && /(^|[\s",[])\*($|[\s",\]])/.test(value)) {
      problems.push({ key, value, remedy: "production names its origins: replace * with them" });
    }
  }
  return problems;
}

/** Structured values arrive as JSON; so do numbers. A text that is no JSON is a text. */
function decode(key: string, text: string): unknown {
  if (TEXT_KEYS.has(key)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const TEXT_KEYS = new Set(["release", "rebuild", "platform", "gpu", "python", "netrc"]);

function nearest(name: string, path: PropertyKey[]): string {
  const known = KNOWN_KEYS[path.join(".")] ?? [];
  const best = known.length ? closest(name, known) : undefined;
  return best && distance(name, best) <= Math.max(2, name.length / 2)
    ? `: did you mean ${[...path, best].join(".")}?`
    : `: the settings are ${known.join(", ")}`;
}

/** The one message that lists all problems. */
export function describe(problems: readonly Problem[], stack: string): string {
  const lines = problems.map(
    ({ key, value, remedy }) => `  spatialforge:${key}${value === undefined ? "" : ` = ${value}`}\n      ${remedy}`,
  );
  const text = `stack ${stack}: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}, nothing was changed\n${lines.join("\n")}`;
  // The local stack's state is in the clone, where the CLI finds it by this script.
  return stack === "local" ? text.replaceAll("`pulumi ", "`npm run pulumi -- ") : text;
}
