import * as pulumi from "@pulumi/pulumi";
import { parseSettings } from "./config/parse";
import { formatProblems } from "./config/problem";
import type { Environment, PlatformArgs } from "./platform";
import { preflight } from "./preflight/preflight";
import { readStackConfig } from "./pulumi/stack-config";
import { userError } from "./pulumi/user-error";

/**
 * Reads and checks the configuration of the stack. Also checks the machine and the AWS account that the configuration requires.
 * @throws RunError that lists all problems, before any resource is registered.
 */
export async function readInputs(): Promise<PlatformArgs> {
  const config = readStackConfig();
  const { stack, secretKeys } = config;
  const { settings: parsed, problems } = parseSettings(config);
  if (!parsed) throw userError(formatProblems(problems, stack));
  const { env, netrc, huggingFaceToken, ...settings } = parsed;
  const checked = await preflight(settings, stack);
  const { engine, gpu, app, availabilityZones, promotion } = checked;
  const allProblems = [...problems, ...checked.problems];
  if (allProblems.length || !engine || !gpu || !app) throw userError(formatProblems(allProblems, stack));
  return {
    stack,
    settings,
    environment: environmentOf(env, secretKeys.has("env")),
    netrc: pulumi.secret(netrc),
    huggingFaceToken: huggingFaceToken ? pulumi.secret(huggingFaceToken) : undefined,
    engine,
    gpu,
    app,
    availabilityZones,
    promotion,
  };
}

/** Pulumi marks a structured value as a secret as a whole. So if one variable is a secret, all variables become secrets. */
function environmentOf(env: Record<string, string>, isSecret: boolean): Environment {
  if (!isSecret) return { plain: env, secret: {} };
  const secret = Object.entries(env).map(([name, value]) => [name, pulumi.secret(value)]);
  return { plain: {}, secret: Object.fromEntries(secret) as Environment["secret"] };
}
