import { expect, it } from "vitest";
import { userError } from "../../stack/pulumi/user-error";

// Pulumi formats the stack of an error, which takes ten seconds.
it("a user error has no stack", () => {
  const error = userError("the port is in use");
  expect(error.stack).toBe(error.message);
});

// Pulumi adds the name of each property that waits for the value.
it("the message of a user error cannot be changed", () => {
  const error = userError("the port is in use");
  error.message = `error serializing property "port": ${error.message}`;
  expect(error.message).toBe("the port is in use");
});
