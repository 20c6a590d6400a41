import { APPLICATION } from "../app/application";
import type { Problem } from "./problem";

/** What the rules need in addition to the variables. */
export interface EnvironmentContext {
  stack: string;
  /** Keys whose values are secret. */
  secretKeys: ReadonlySet<string>;
}

/** Names of variables: those of proxies exist in lower case too, and some programs read only these. */
export const VARIABLE_NAME = /^([A-Z][A-Z0-9_]*|(http|https|no|all)_proxy)$/;

/** Variables that users cannot set, with the reason. A `*` stands for any text. */
const FORBIDDEN_VARIABLES: Readonly<Record<string, string>> = {
  "REDIS_URL MINIO_ENDPOINT MINIO_ACCESS_KEY MINIO_SECRET_KEY MINIO_BUCKET MINIO_SECURE API_KEY_SECRET ADMIN_API_KEY DEVICE HOST PORT MODEL_DIR MODELS MODEL_SET HF_HUB_CACHE HF_HUB_OFFLINE WORKER_QUEUES SCALE_IN_PROTECTION METRICS_NAMESPACE METRICS_STACK METRICS_ROLE BACKLOG_ROLES SCALE_IN_DELAY_S FORWARDED_ALLOW_IPS TINI_SUBREAPER UVICORN_KEEP_ALIVE_S UVICORN_GRACE_S HEALTH_MINIMUM_S":
    "the stack sets this variable",
  "HF_HOME TORCH_HOME XDG_CACHE_HOME": "the image sets this variable to a folder on the model volume",
  "PATH PYTHONPATH PYTHONHOME VIRTUAL_ENV": "the image sets this variable to find its programs and packages",
  "LD_LIBRARY_PATH LD_PRELOAD": "this variable replaces libraries of the image",
  "HOME TMPDIR SPATIALFORGE_STATE": "the image sets this variable to a folder that it can write to",
  "NVIDIA_*": "the image decides which GPUs and which functions of the driver it gets",
  GPU_REQUIRED: "the image decides whether it requires a GPU, and the setting gpu decides which image runs",
  "ECS_*": "the ECS agent sets this variable",
};

const FORBIDDEN = Object.entries(FORBIDDEN_VARIABLES).flatMap(([names, reason]) =>
  names.split(" ").map((name) => ({ pattern: new RegExp(`^${name.replace("*", ".*")}$`), reason })),
);

/** The last word of a name that says that the value is a secret. */
const SECRET_NAME = /(^|_)(TOKEN|KEY|PASS|PASSWD|PWD|PAT|SECRET|CREDENTIALS)$|PASSWORD$/;

/** A URL with a password. The user can be empty, and the password can contain `@`. A query or a fragment is no password. */
const URL_WITH_PASSWORD = /[a-z][a-z0-9+.-]*:\/\/[^\s/?#"'@:]*:[^\s/?#"']+@/i;

/** Problems of an environment variable of the application. */
export function variableProblems(name: string, value: string, { stack, secretKeys }: EnvironmentContext): Problem[] {
  const key = `env.${name}`;
  const isSecret = secretKeys.has("env");
  const forbidden = FORBIDDEN.find(({ pattern }) => pattern.test(name));
  if (forbidden) return [{ key, remedy: `${forbidden.reason}: remove it` }];
  const problems: Problem[] = [];
  if (!isSecret && looksSecret(name, value)) {
    const remedy = `its name or value looks like a secret, which must not be in plain text: use \`pulumi config set --secret --path spatialforge:env.${name}\``;
    problems.push({ key, remedy });
  }
  if (stack !== "prod") return problems;
  const shown = isSecret ? "[secret]" : value;
  if (includes(APPLICATION.developmentVariables, name) && /^(true|1|yes|on)$/i.test(value)) {
    problems.push({ key, value: shown, remedy: "this variable must not be true in production: remove it" });
  }
  if (name === APPLICATION.originsVariable && /(^|[\s",[])\*($|[\s",\]])/.test(value)) {
    problems.push({ key, value: shown, remedy: "production must list its origins: replace * with them" });
  }
  return problems;
}

const looksSecret = (name: string, value: string): boolean =>
  includes(APPLICATION.secretVariables, name) || SECRET_NAME.test(name) || URL_WITH_PASSWORD.test(value);

const includes = (list: readonly string[], name: string): boolean => list.includes(name);
