import { ROLES } from "../roles";
import { awsProblems } from "./aws-rules";
import { variableProblems, type EnvironmentContext } from "./environment-rules";
import { withoutCredentials, type Problem } from "./problem";
import type { ParsedSettings } from "./schema";

export interface RuleContext extends EnvironmentContext {
  project: string;
}

/** Problems that the schema cannot express: settings that depend on each other or on the stack. */
export function ruleProblems(settings: ParsedSettings, context: RuleContext): Problem[] {
  const problems: Problem[] = [];
  problems.push(...portProblems(settings), ...sharedMemoryProblems(settings));
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
  if (settings.platform === "aws") {
    problems.push(...awsProblems(settings.aws, context.project, context.stack), ...timeProblems(settings));
  }
  return [
    ...problems,
    ...Object.entries(settings.env).flatMap(([name, value]) => variableProblems(name, value, context)),
  ];
}

function timeProblems({ healthTimeout, aws: { minHealthyTime } }: ParsedSettings): Problem[] {
  if (minHealthyTime < healthTimeout) return [];
  const remedy = `no new task would be healthy within healthTimeout (${healthTimeout} s): use a shorter time, or raise healthTimeout`;
  return [{ key: "aws.minHealthyTime", value: String(minHealthyTime), remedy }];
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
