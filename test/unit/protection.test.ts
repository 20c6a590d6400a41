import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { STATEFUL, statefulOf } from "../../stack/aws/stateful";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";
import type { Registered } from "../harness/mocks";

const SECRETS = { secrets: { SENTRY_DSN: "https://sentry" }, huggingFaceToken: "hf_token" };
const nameOf = ({ type, name }: Registered) => `${type}::${name}`;

it("with deletion protection, exactly the resources with data are protected", async () => {
  const registered = await awsPlatform("prod", {}, SECRETS);
  const stateful = registered.filter(({ type, name }) => statefulOf(type, name));
  expect(registered.filter(({ protect }) => protect).map(nameOf)).toEqual(stateful.map(nameOf));
  expect(new Set(stateful.map(({ type }) => type))).toEqual(new Set(Object.keys(STATEFUL)));
});

it("without deletion protection, nothing is protected", async () => {
  expect((await awsPlatform("dev")).filter(({ protect }) => protect)).toEqual([]);
});

it("each exception is a resource of the stack", async () => {
  const names = new Set((await awsPlatform("prod", {}, SECRETS)).map(nameOf));
  const exceptions = Object.entries(STATEFUL).flatMap(([type, { except = {} }]) =>
    Object.keys(except).map((name) => `${type}::${name}`),
  );
  expect(exceptions.filter((name) => !names.has(name))).toEqual([]);
});

describe("the step of each resource with data", () => {
  it.each([...new Set(Object.values(STATEFUL).map(({ step }) => step))])("%s is in the documentation", (step) => {
    const [page, anchor] = step.split("#");
    const headings = [...readFileSync(join(ROOT, "docs", page), "utf8").matchAll(/^#+ (.*)$/gm)].map(
      ([, text]) => text,
    );
    expect(headings.map((text) => text.toLowerCase().replaceAll(" ", "-"))).toContain(anchor);
  });
});
