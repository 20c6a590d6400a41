import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../stack/root";

const settingsFile = (stack: string): string => join(ROOT, `Pulumi.${stack}.yaml`);

/**
 * Removes Pulumi's `encryptionsalt` from the stack's settings file, unless a secret in that file needs it. Pulumi adds the salt to this
 * file when it runs an update, and has no option to store it elsewhere (https://github.com/pulumi/pulumi/issues/8408). The file is
 * committed, but the passphrase is different on each machine, so the salt must not be committed. The state includes the salt that it was
 * encrypted with, and Pulumi creates a new one for the next update, so the removed salt is not needed again.
 */
export function removeUnusedSalt(stack: string): void {
  const text = readFileSync(settingsFile(stack), "utf8");
  const withoutSalt = text.replace(/^encryptionsalt: .*\n/m, "");
  if (withoutSalt !== text && !hasSecret(stack)) writeFileSync(settingsFile(stack), withoutSalt);
}

/** Whether the stack's settings file contains a secret. */
export const hasSecret = (stack: string): boolean => readFileSync(settingsFile(stack), "utf8").includes("secure:");
