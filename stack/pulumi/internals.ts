/**
 * All uses of undocumented API of `@pulumi/pulumi`. The version of the package is pinned. Check this file when you update it.
 */
import type * as pulumi from "@pulumi/pulumi";

/**
 * Awaits an output during an update. In a preview, it returns immediately, because the value can be unknown.
 *
 * Reason: if an output of the stack rejects, Pulumi reports "error serializing property outputs". If the program itself awaits it, the
 * program fails with the message of the error. `Output` has no public way to await it.
 */
export async function awaitOutput(output: pulumi.Output<unknown>): Promise<void> {
  const { runtime } = await import("@pulumi/pulumi");
  if (runtime.isDryRun()) return;
  await (output as unknown as { promise(): Promise<unknown> }).promise();
}

/**
 * Calls a provider function without loading the rest of the SDK.
 *
 * Reason: the AWS provider takes about 2 s to start, and loading the SDK takes about 1 s. With this import both happen at the same time.
 */
export { invoke as invokeFunction } from "@pulumi/pulumi/runtime/invoke";

/** Reads the configuration without loading the rest of the SDK, for the same reason. */
export { Config } from "@pulumi/pulumi/config";

/**
 * Full keys of the secret values in the configuration.
 *
 * Reason: `Config` returns secret values without marking them, and no function of the SDK says which values are secret. The engine passes
 * their keys in this variable.
 */
export const secretConfigKeys = (): string[] => JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
