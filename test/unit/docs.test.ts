import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withCost } from "../../scripts/cost";
import { ROOT } from "../../stack/root";
import { awsPlatform } from "../harness/aws-platform";

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

it("the costs in docs/aws.md are those of the tables (`npm run cost` writes them)", () => {
  expect(withCost(read("docs/aws.md"))).toBe(read("docs/aws.md"));
});

it("the architecture diagram has every component of prod, and no other", async () => {
  const diagram = read("docs/aws.md").split("```mermaid")[1].split("```")[0];
  const types = (await awsPlatform("prod")).map(({ type }) => /^spatialforge:aws:(\w+)$/.exec(type)?.[1]);
  const components = [...new Set(types)].filter((name) => name && name !== "Platform") as string[];
  const shown = new Set(diagram.match(/\b[A-Z][a-z]+[A-Za-z]*\b/g));
  expect(components.filter((name) => !shown.has(name))).toEqual([]);
  const boxes = diagram.match(/\b[A-Z][a-z]\w+(?=\[)/g) ?? [];
  expect(boxes.filter((name) => !components.includes(name))).toEqual([]);
});
