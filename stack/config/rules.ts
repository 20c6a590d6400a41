import { ROLES } from "../roles";
import { awsProblems } from "./aws-rules";
import { modelProblems } from "./model-rules";
import { variableProblems, type EnvironmentContext } from "./environment-rules";
import { withoutCredentials, type Problem } from "./problem";
import type { ParsedSettings } from "./schema";

export interface RuleContext extends EnvironmentContext {
  project: string;
}

/** Problems that the schema cannot express: settings that depend on each other or on the stack. */
export function ruleProblems(settings: ParsedSettings, context: RuleContext): Problem[] {
  const problems: Problem[] = [];
  problems.push(...appProblems(settings), ...portProblems(settings), ...sharedMemoryProblems(settings));
  problems.push(...modelProblems(settings, context.secretKeys));
  problems.push(...promotionProblems(settings, context.stack));
  if (settings.netrc && !context.secretKeys.has("netrc")) {
    problems.push({
      key: "netrc",
      remedy: "a secret must not be in plain text: use `pulumi config set --secret spatialforge:netrc < .netrc`",
    });
  }
  if (settings.platform === "aws") {
    problems.push(...awsProblems(settings.aws, context.project, context.stack), ...timeProblems(settings));
  }
  return [
    ...problems,
    ...Object.entries(settings.env).flatMap(([name, value]) => variableProblems(name, value, context)),
  ];
}

function promotionProblems({ platform, promoteFrom }: ParsedSettings, stack: string): Problem[] {
  const problem = (remedy: string): Problem[] => [{ key: "promoteFrom", value: promoteFrom, remedy }];
  if (!promoteFrom) return [];
  if (platform !== "aws") return problem("only stacks of the platform aws can be promoted: remove the setting");
  return promoteFrom === stack ? problem("a stack cannot be promoted from itself: name another stack, as in dev") : [];
}

function timeProblems({ healthTimeout, aws: { minHealthyTime } }: ParsedSettings): Problem[] {
  if (minHealthyTime < healthTimeout) return [];
  const remedy = `no new task would be healthy within healthTimeout (${healthTimeout} s): use a shorter time, or raise healthTimeout`;
  return [{ key: "aws.minHealthyTime", value: String(minHealthyTime), remedy }];
}

function appProblems({ app }: ParsedSettings): Problem[] {
  if ("path" in app) return [];
  const { repository, folder = "." } = app;
  const credentials: Problem = {
    key: "app.repository",
    value: repository,
    remedy:
      "the URL contains credentials, which would be stored in plain text: configure a git credential helper, or use SSH",
  };
  const outside: Problem = {
    key: "app.folder",
    value: folder,
    remedy: "the folder is a path in the repository, relative to its root and without `..`, as in services/api",
  };
  return [
    ...(withoutCredentials(repository) !== repository ? [credentials] : []),
    ...(/^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)/i.test(folder) ? [outside] : []),
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

/** A container cannot use more memory than its limit, and shared memory counts. */
function sharedMemoryProblems({ platform, sharedMemorySize }: ParsedSettings): Problem[] {
  if (platform !== "docker") return [];
  const tooSmall = ROLES.find(({ modelVolume, docker }) => modelVolume && docker.memory <= sharedMemorySize);
  if (!tooSmall) return [];
  const remedy = `it must be less than ${tooSmall.docker.memory}, the memory of the container ${tooSmall.name} in MiB`;
  return [{ key: "sharedMemorySize", value: String(sharedMemorySize), remedy }];
}
