import { expect, it } from "vitest";
import { userError } from "../../stack/user-error";

it("an error for users has no stack, which would take Pulumi ten seconds to format", () => {
  const error = userError("the port is taken");
  expect(error.stack).toBe(error.message);
});
