import { version } from "@pulumi/aws/package.json";
import type { GetAuthorizationTokenResult } from "@pulumi/aws/ecr";
import { invokeFunction } from "../pulumi/internals";

export interface EcrLogin {
  /** Host name of the ECR registry of the account, in the region of the stack. */
  host: string;
  username: string;
  password: string;
}

/** The ECR registry of the account, and a login that is valid for 12 hours. The AWS provider makes the call. */
export async function ecrLogin(): Promise<EcrLogin> {
  const token = (await invokeFunction(
    "aws:ecr/getAuthorizationToken:getAuthorizationToken",
    {},
    { version },
  )) as GetAuthorizationTokenResult;
  const { userName: username, password, proxyEndpoint } = token;
  return { host: new URL(proxyEndpoint).host, username, password };
}
