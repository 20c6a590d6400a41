import * as pulumi from "@pulumi/pulumi";

/**
 * An error whose message is all there is to show. It has no stack: Pulumi shows none for such an error but formats it all the same, which
 * takes ten seconds with the source maps of this program's loader.
 */
export function userError(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = message;
  return error;
}
