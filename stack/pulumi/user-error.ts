import * as pulumi from "@pulumi/pulumi";

/**
 * Creates an error of which the user sees only the message.
 *
 * It has no stack: Pulumi formats the stack of a RunError without showing it, which takes ten seconds with the source maps of tsx.
 *
 * Its message cannot change: if an output rejects, each resource that depends on it would prepend `error serializing property`.
 */
export function userError(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = message;
  Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
  return error;
}
