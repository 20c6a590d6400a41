import * as pulumi from "@pulumi/pulumi";

/**
 * Waits until a release is proved, so that the program itself fails with the reason if it is not: where it is only an output that fails, Pulumi
 * speaks of a property that it can't serialize. For the same reason no component registers it as its output.
 */
export async function proved(release: pulumi.Output<string>): Promise<void> {
  if (pulumi.runtime.isDryRun()) return;
  await (release as unknown as { promise(): Promise<string> }).promise();
}
