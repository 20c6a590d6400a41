import { version } from "@pulumi/aws/package.json";
import type { GetCallerIdentityResult } from "@pulumi/aws";
import { invokeFunction } from "../pulumi/internals";

let identity: Promise<GetCallerIdentityResult> | undefined;

/** The identity that the AWS provider uses. It is requested once. The request starts the provider. */
export const callerIdentity = (): Promise<GetCallerIdentityResult> =>
  (identity ??= invokeFunction("aws:index/getCallerIdentity:getCallerIdentity", {}, { version }));
