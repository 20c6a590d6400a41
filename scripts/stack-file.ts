import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../stack/root";

/** The stacks of the platform aws. */
export const AWS_STACKS = ["dev", "prod"] as const;
export type AwsStackName = (typeof AWS_STACKS)[number];

/** Absolute path of a stack's settings file. */
export const stackFile = (stack: string): string => join(ROOT, `Pulumi.${stack}.yaml`);

/** The configuration in a stack's settings file, by key without the namespace `spatialforge`. */
export function readStackConfig(stack: string): Record<string, unknown> {
  const { config } = parse(readFileSync(stackFile(stack), "utf8")) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("spatialforge:", ""), value]));
}
