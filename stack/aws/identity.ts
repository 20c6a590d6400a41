import { version } from "@pulumi/aws/package.json";
import type { GetCallerIdentityResult } from "@pulumi/aws";
// By its file: the whole of the SDK takes a second to load, in which the provider can start.
import { invoke } from "@pulumi/pulumi/runtime/invoke";

let known: Promise<GetCallerIdentityResult> | undefined;

/** Who the provider is signed in as; asked once. The first to ask starts the provider, which takes seconds. */
export const identity = (): Promise<GetCallerIdentityResult> =>
  (known ??= invoke("aws:index/getCallerIdentity:getCallerIdentity", {}, { version }));
