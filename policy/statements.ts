import { at, list, parsed } from "./values";

/** A statement of an IAM policy or a resource-based policy. */
export interface Statement {
  Effect?: unknown;
  Principal?: unknown;
  Action?: unknown;
  NotAction?: unknown;
  Resource?: unknown;
  NotResource?: unknown;
  Condition?: unknown;
}

/** The statements of a policy, which is an object or JSON. None if the policy is unknown. */
export const statements = (policy: unknown): Statement[] => list(at(parsed(policy), "Statement")) as Statement[];
