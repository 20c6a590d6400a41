import { afterEach, beforeEach, expect, it } from "vitest";

const { prepareStackTrace, stackTraceLimit } = Error;

beforeEach(() => import("../../stack/stack-traces.js"));
afterEach(() => Object.assign(Error, { prepareStackTrace, stackTraceLimit }));

it("only what is read by somebody gets a stack: an error that says something, and where a resource was made", () => {
  const { stack: noted } = new Error();
  const { stack: said } = new Error("boom");
  Error.stackTraceLimit = Infinity; // as Pulumi asks for the place of a resource
  const { stack: place } = new Error();
  expect(noted).toBe("");
  expect(said).toMatch(/^Error: boom\n {4}at .*stack-traces\.test\.ts/);
  expect(place).toMatch(/^Error: ?\n {4}at .*stack-traces\.test\.ts/);
});
