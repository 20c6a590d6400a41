import * as pulumi from "@pulumi/pulumi";
import { secretConfigKeys } from "./internals";

const NAMESPACE = "spatialforge:";

/** The configuration of the current stack in the namespace `spatialforge`. The keys are without the namespace. */
export interface StackConfig {
  project: string;
  stack: string;
  /** Values by key, as Pulumi passes them: text, and JSON for structured values. */
  values: Record<string, string>;
  /** Keys whose values are secret. */
  secretKeys: ReadonlySet<string>;
}

/** Reads the configuration of the current stack from the Pulumi engine. */
export function readStackConfig(): StackConfig {
  const ours = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(NAMESPACE));
  return {
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    values: Object.fromEntries(ours.map(([key, value]) => [key.slice(NAMESPACE.length), value])),
    secretKeys: new Set(secretConfigKeys().map((key) => key.slice(NAMESPACE.length))),
  };
}
