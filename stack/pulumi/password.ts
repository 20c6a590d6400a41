import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** Generates a secret of 40 letters and digits, which needs no quoting in a URL or a configuration file. */
export function password(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  return new random.RandomPassword(name, { length: 40, special: false }, opts).result;
}
