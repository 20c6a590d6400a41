import { DENIED } from "./aws-problem";

/**
 * What AWS denied, in words: which permission is missing. Undefined if the error has another reason. AWS names the action in the message:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function missingPermission({ name, message }: Error): string | undefined {
  if (!DENIED.test(name)) return undefined;
  const action = /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1];
  return action ? `the permission ${action} is missing` : `a permission is missing (${message.split("\n")[0]})`;
}
