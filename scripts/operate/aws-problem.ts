/** Names of the errors with which AWS denies a call. */
export const DENIED = /^(AccessDenied(Exception)?|UnauthorizedOperation)$/;

/** Errors of AWS SDK calls, by their name or code, with a remedy. Others are shown as they are. */
const REMEDIES: readonly [pattern: RegExp, remedy: string][] = [
  [
    /^(CredentialsProviderError|ExpiredToken(Exception)?|UnrecognizedClientException|InvalidClientTokenId|TokenRefreshRequired)$/,
    "sign in, for example with `aws sso login`, or set AWS_PROFILE",
  ],
  [DENIED, "ask for this permission, or use another role (AWS_PROFILE)"],
  [
    /^ClusterNotFoundException$/,
    "the stack is not deployed, or it is in another region: run `pulumi up`, or check aws:region",
  ],
  [
    /^RepositoryNotFoundException$/,
    "the stack is not deployed, or it is in another region: run `pulumi up`, or check aws:region",
  ],
  [
    /^(ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|TimeoutError)$/,
    "check the network connection and the region (aws:region)",
  ],
  [/^Throttling(Exception)?$/, "run the command again in a minute"],
];

/** One sentence for an error of a call to AWS: what AWS says, and the remedy. The message of any other error stays as it is. */
export function awsProblem({ name, message, code }: NodeJS.ErrnoException): string {
  const remedy = REMEDIES.find(([pattern]) => pattern.test(name) || pattern.test(code ?? ""))?.[1];
  const text = message.split("\n")[0].replace(/\.$/, "");
  return remedy ? `AWS: ${text || name}. To fix this, ${remedy}.` : message;
}
