import { expect, it } from "vitest";
import { userError } from "../../stack/pulumi/user-error";

// Pulumi formats the stack of an error, which takes ten seconds.
it("a user error has no stack", () => {
  const error = userError("the port is in use");
  expect(error.stack).toBe(error.message);
});
