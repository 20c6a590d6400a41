/** A statement of a policy of IAM or of a resource. */
export interface Statement {
  Sid?: string;
  Effect: string;
  Principal?: unknown;
  Action: string | string[];
  Resource?: unknown;
  Condition?: object;
}

/** The statements of a policy, which the inputs of a resource have as text or as it is. */
export function statementsOf(policy: unknown): Statement[] {
  const read = (typeof policy === "string" ? JSON.parse(policy) : policy) as { Statement: Statement | Statement[] };
  return [read.Statement].flat();
}
