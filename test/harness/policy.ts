import type { Registered } from "./mocks";

/** A statement of an IAM policy or a resource-based policy. */
export interface Statement {
  Sid?: string;
  Effect: string;
  Principal?: unknown;
  Action: string | string[];
  Resource?: unknown;
  Condition?: object;
}

/** The statements of a policy, which is an object or JSON. */
export function statementsOf(policy: unknown): Statement[] {
  const { Statement } = (typeof policy === "string" ? JSON.parse(policy) : policy) as {
    Statement: Statement | Statement[];
  };
  return [Statement].flat();
}

/** Types of resources with the input `policy`. */
const POLICIES = [
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/userPolicy:UserPolicy",
  "aws:kms/key:Key",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:efs/fileSystemPolicy:FileSystemPolicy",
];

/** The statements of all policies, each with the name of its resource. */
export const allStatements = (registered: readonly Registered[]): [name: string, statement: Statement][] =>
  registered
    .filter(({ type }) => POLICIES.includes(type))
    .flatMap(({ name, inputs }) => statementsOf(inputs.policy).map((one): [string, Statement] => [name, one]));

/** A value that can be a list, as a list. */
export const asList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
