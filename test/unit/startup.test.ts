import { afterEach, beforeEach, expect, it } from "vitest";

const original = Object.assign({ prepareStackTrace: undefined }, Error);

beforeEach(() => import("../../stack/startup.js"));
afterEach(() => Object.assign(Error, original));

it("only errors with a message, and places where resources are created, have a stack", () => {
  const { stack: withoutMessage } = new Error();
  const { stack: withMessage } = new Error("boom");
  Error.stackTraceLimit = Infinity; // Pulumi sets this when it records where a resource is created
  const { stack: resource } = new Error();
  expect(withoutMessage).toBe("");
  expect(withMessage).toMatch(/^Error: boom\n {4}at .*startup\.test\.ts/);
  expect(resource).toMatch(/^Error: ?\n {4}at .*startup\.test\.ts/);
});
