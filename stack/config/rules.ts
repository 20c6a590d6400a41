import { APPLICATION } from "../app/application";
import { awsProblems } from "./aws-rules";
import { withoutCredentials, type Problem } from "./problem";
import type { ParsedSettings } from "./schema";

/** What the rules need in addition to the settings. */
export interface RuleContext {
  stack: string;
  /** Keys whose values are secret. */
  secretKeys: ReadonlySet<string>;
}

/** Environment variables that the stack sets. Users cannot set them. */
const RESERVED_VARIABLES = new Set(
  "REDIS_URL MINIO_ENDPOINT MINIO_ACCESS_KEY MINIO_SECRET_KEY MINIO_BUCKET MINIO_SECURE API_KEY_SECRET ADMIN_API_KEY DEVICE HOST PORT MODEL_DIR HF_HOME WORKER_QUEUES SCALE_IN_PROTECTION BACKLOG_NAMESPACE BACKLOG_STACK BACKLOG_QUEUES".split(
    " ",
  ),
);

/** Problems that the schema cannot express: settings that depend on each other or on the stack. */
export function ruleProblems(settings: ParsedSettings, context: RuleContext): Problem[] {
  const problems: Problem[] = [];
  problems.push(...portProblems(settings));
  const { app } = settings;
  if ("repository" in app && withoutCredentials(app.repository) !== app.repository) {
    problems.push({
      key: "app.repository",
      value: app.repository,
      remedy:
        "the URL contains credentials, which would be stored in plain text: configure a git credential helper, or use SSH",
    });
  }
  if (settings.netrc && !context.secretKeys.has("netrc")) {
    problems.push({
      key: "netrc",
      remedy: "a secret must not be in plain text: use `pulumi config set --secret spatialforge:netrc < .netrc`",
    });
  }
  if (settings.platform === "aws") problems.push(...awsProblems(settings.aws, context.stack));
  return [
    ...problems,
    ...Object.entries(settings.env).flatMap(([name, value]) => variableProblems(name, value, context)),
  ];
}

/** Ports on the loopback address. */
export const PORTS = ["port", "registryPort", "objectStorePort"] as const;

function portProblems(settings: ParsedSettings): Problem[] {
  return PORTS.flatMap((key, index) => {
    const other = PORTS.slice(0, index).find((earlier) => settings[earlier] === settings[key]);
    if (!other) return [];
    return [{ key, value: String(settings[key]), remedy: `${other} is the same port: set different ports` }];
  });
}

function variableProblems(name: string, value: string, { stack, secretKeys }: RuleContext): Problem[] {
  const key = `env.${name}`;
  const shown = secretKeys.has("env") ? "[secret]" : value;
  const problems: Problem[] = [];
  if (RESERVED_VARIABLES.has(name)) problems.push({ key, remedy: "the stack sets this variable: remove it" });
  if (includes(APPLICATION.secretVariables, name) && !secretKeys.has("env")) {
    problems.push({
      key,
      remedy: `a secret must not be in plain text: use \`pulumi config set --secret --path spatialforge:env.${name}\``,
    });
  }
  if (stack !== "prod") return problems;
  if (includes(APPLICATION.developmentVariables, name) && /^(true|1|yes|on)$/i.test(value)) {
    problems.push({ key, value: shown, remedy: "this variable must not be true in production: remove it" });
  }
  if (name === APPLICATION.originsVariable && /(^|[\s",[])\*($|[\s",\]])/.test(value)) {
    problems.push({ key, value: shown, remedy: "production must list its origins: replace * with them" });
  }
  return problems;
}

const includes = (list: readonly string[], name: string): boolean => list.includes(name);
