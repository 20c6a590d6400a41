import { withoutCredentials } from "../config/problem";

/** An error that the user can fix. Show its message only, without a stack trace. */
export class LockError extends Error {
  constructor(message: string) {
    super(withoutCredentials(message));
  }
}
