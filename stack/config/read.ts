import * as pulumi from "@pulumi/pulumi";
import type { RawConfig } from "./parse";

const NAMESPACE = "spatialforge:";

/** Reads the configuration of the current stack from the Pulumi engine. */
export function readConfig(): Required<RawConfig> {
  const ours = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(NAMESPACE));
  // The engine passes the keys of secret values in this variable. The SDK has no public function for them.
  const secretKeys = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
  return {
    stack: pulumi.getStack(),
    values: Object.fromEntries(ours.map(([key, value]) => [key.slice(NAMESPACE.length), value])),
    secretKeys: new Set(secretKeys.map((key) => key.slice(NAMESPACE.length))),
  };
}
