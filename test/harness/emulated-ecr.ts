import { CreateRepositoryCommand, ECRClient, type CreateRepositoryCommandInput } from "@aws-sdk/client-ecr";
import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";
import { stackName } from "../../stack/pulumi/stack-name";
import { digestOf } from "../../stack/registry/registry";
import { Emulator } from "./emulator";

/**
 * Starts an emulated AWS with the ECR repository of a stack, for code of the program that calls ECR itself. Undo the changed environment with
 * `vi.unstubAllEnvs`.
 */
export async function startEmulatedEcr(
  stack: string,
  options: Omit<CreateRepositoryCommandInput, "repositoryName"> = {},
): Promise<Emulator> {
  const emulator = await Emulator.start();
  vi.stubEnv("AWS_ENDPOINT_URL", emulator.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  const mocks = { newResource: () => ({ id: "", state: {} }), call: () => ({}) };
  await pulumi.runtime.setMocks(mocks, "spatialforge", stack);
  pulumi.runtime.setAllConfig({ "aws:region": emulator.clientConfig.region });
  const command = new CreateRepositoryCommand({ repositoryName: stackName(), ...options });
  await new ECRClient(emulator.clientConfig).send(command);
  return emulator;
}

/** The manifest of an image, which is different for each content. */
export const manifestOf = (content: string): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(Buffer.from(content)), size: 1 },
    layers: [],
  });
