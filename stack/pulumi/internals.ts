/**
 * All uses of undocumented API of `@pulumi/pulumi`. The version of the package is pinned. Check this file when you update it.
 */
import type * as pulumi from "@pulumi/pulumi";
import { invoke } from "@pulumi/pulumi/runtime/invoke";

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
export const invokeFunction = invoke;

/**
 * Whether the value of an output is known. In a preview, the outputs of a resource that will change are not.
 *
 * Reason: `apply` does not run for an unknown value, and no public function tells that it did not.
 */
export const isKnown = (output: pulumi.Output<unknown>): Promise<boolean> =>
  (output as unknown as { isKnown: Promise<boolean> }).isKnown;

/** A resource in the state of a stack. */
export interface DeployedResource {
  urn: string;
  type: string;
  outputs: Record<string, unknown>;
}

/**
 * The resources in the state of the current stack, as the last update left them, whether it succeeded or failed. Empty before the first
 * update. With a local backend this takes about 30 ms.
 *
 * Reason: a program cannot see the state of its own stack. A StackReference has only the outputs of a stack, which an update that fails
 * does not write, and it is itself a resource. The engine has this function for a command that the CLI no longer has, `pulumi query`.
 * @throws Error if the engine does not have the function, or cannot read the state.
 */
export async function deployedResources(): Promise<DeployedResource[]> {
  const { getOrganization, getProject, getStack } = await import("@pulumi/pulumi");
  const stackName = `${getOrganization()}/${getProject()}/${getStack()}`;
  const { outputs } = (await invoke("pulumi:pulumi:readStackResourceOutputs", { stackName })) as {
    outputs?: Record<string, Omit<DeployedResource, "urn">>;
  };
  return Object.entries(outputs ?? {}).map(([urn, resource]) => ({ urn, ...resource }));
}

/** Reads the configuration without loading the rest of the SDK, for the same reason. */
export { Config } from "@pulumi/pulumi/config";

/**
 * Full keys of the secret values in the configuration.
 *
 * Reason: `Config` returns secret values without marking them, and no function of the SDK says which values are secret. The engine passes
 * their keys in this variable.
 */
export const secretConfigKeys = (): string[] => JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];

/**
 * Makes a script see a stack as a program sees it: `getStack()`, `getProject()`, and the configuration. There is no engine, so it can register
 * no resources.
 *
 * Reason: scripts use the same functions as the program, for example to read releases. Only the language host sets these values.
 */
export async function enterStack(project: string, stack: string, config: Record<string, string>): Promise<void> {
  const { runtime } = await import("@pulumi/pulumi");
  runtime.resetOptions(project, stack, -1, "", "", false, "");
  runtime.setAllConfig(config);
}
