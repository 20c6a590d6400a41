import * as pulumi from "@pulumi/pulumi";

/**
 * Creates an error of which the user sees only the message. It has no stack: Pulumi formats the stack of a RunError without showing it,
 * which takes ten seconds with the source maps of tsx. Its message cannot be changed: Pulumi would add "error serializing property" to it for
 * each resource that waits for the output that rejected.
 */
export function userError(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = message;
  return Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
}
