import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { parseSettings } from "../../stack/config/parse";
import { formatProblems } from "../../stack/config/problem";
import type { Settings } from "../../stack/config/schema";
import { enterStack } from "../../stack/pulumi/internals";
import { ROOT } from "../../stack/root";
import { stackFile } from "../stack-file";
import { UserError } from "./command";

/** A stack that a command operates. */
export interface OperatedStack {
  name: string;
  settings: Settings;
  /** Name in AWS of the resources that exist once per stack, such as the ECS cluster and the ECR repository. */
  awsName: string;
}

/**
 * Opens a stack by its name: reads its settings file, without the Pulumi CLI and without its state. From here on, functions of the program that
 * read the stack or its configuration work, such as `stackName()` and the AWS clients.
 *
 * @throws UserError if there is no such stack, if a setting is invalid, or if no region is set on the platform aws.
 */
export async function openStack(name: string): Promise<OperatedStack> {
  if (!existsSync(stackFile(name))) {
    throw new UserError(`--stack ${name}: there is no Pulumi.${name}.yaml. Use one of: ${stackNames().join(", ")}.`);
  }
  const project = projectName();
  const texts = configTexts(name);
  const inNamespace = Object.entries(texts).filter(([key]) => key.startsWith("spatialforge:"));
  const values = Object.fromEntries(inNamespace.map(([key, value]) => [key.slice("spatialforge:".length), value]));
  const { settings, problems } = parseSettings({ project, stack: name, values });
  // Settings that break a rule, such as a missing certificate, do not prevent reading what runs.
  if (!settings) throw new UserError(formatProblems(problems, name));
  await enterStack(project, name, texts);
  if (settings.platform === "aws") requireRegion(name, texts);
  return { name, settings, awsName: `${project}-${name}` };
}

const projectName = (): string => (parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) as { name: string }).name;

/** Names of the stacks that have a settings file. */
const stackNames = (): string[] =>
  readdirSync(ROOT).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.slice(1) ?? []);

/** The configuration as Pulumi passes it to a program: text, and JSON for structured values. Values with a secret are left out. */
function configTexts(stack: string): Record<string, string> {
  const { config } = parse(readFileSync(stackFile(stack), "utf8")) as { config?: Record<string, unknown> };
  const known = Object.entries(config ?? {}).filter(([, value]) => !hasSecret(value));
  return Object.fromEntries(
    known.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** Whether a value is secret, or contains a secret value: Pulumi stores it as `secure: TEXT`. */
const hasSecret = (value: unknown): boolean =>
  typeof value === "object" && value !== null && ("secure" in value || Object.values(value).some(hasSecret));

function requireRegion(stack: string, texts: Record<string, string>): void {
  if (texts["aws:region"] || process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION) return;
  throw new UserError(`No region is set: run \`pulumi config set aws:region us-east-1 --stack ${stack}\`.`);
}
