import * as pulumi from "@pulumi/pulumi";

/**
 * Creates an error whose message is everything that the user sees. It has no stack: Pulumi does not show the stack of a RunError but
 * formats it, which takes ten seconds with the source maps of tsx.
 */
export function userError(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = message;
  return error;
}
