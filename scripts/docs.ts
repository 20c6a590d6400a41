/**
 * `npm run docs`: updates the generated tables in docs/aws.md: the settings with their defaults, the cost of dev and prod, and the protected
 * resources.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { hourlyCost } from "../stack/aws/operations/cost";
import { STATEFUL } from "../stack/aws/stateful";
import { awsSettingsSchema } from "../stack/config/aws-schema";
import { ROOT } from "../stack/root";
import { markdownTable, withGeneratedTable } from "./generated-tables";
import { AWS_STACKS, readStackConfig } from "./stack-file";

const PAGE = join(ROOT, "docs", "aws.md");

/** The generated tables, by the name in their markers. */
const TABLES: Record<string, () => string> = { settings: settingsTable, cost: costTable, protection: protectionTable };

/**
 * Replaces the generated tables in a page.
 * @throws Error if the page does not have the markers of a table.
 */
export const withGeneratedTables = (page: string): string =>
  Object.entries(TABLES).reduce((text, [name, table]) => withGeneratedTable(text, name, "docs", table()), page);

/** The settings of the platform aws: path, default, and description. */
function settingsTable(): string {
  return markdownTable(["setting", "default", "description"], settingRows(z.toJSONSchema(awsSettingsSchema), "aws"));
}

function settingRows(schema: z.core.JSONSchema.BaseSchema, path: string): string[][] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, property]) =>
      typeof property === "boolean" ? [] : settingRows(property, `${path}.${name}`),
    );
  }
  const { default: value, description = "" } = schema;
  const text = typeof value === "string" && value ? value : JSON.stringify(value);
  return [[`\`${path}\``, value === undefined ? "" : `\`${text}\``, description]];
}

/** Parts of the column headings, by scale. Each stack has two columns. */
const SCALES = { rest: "at rest (minimum tasks)", full: "at full scale (maximum tasks)" } as const;

/** The cost of dev and prod per hour. */
function costTable(): string {
  const columns = AWS_STACKS.flatMap((stack) => {
    const settings = awsSettingsSchema.parse(readStackConfig(stack).aws);
    return (["rest", "full"] as const).map((scale) => ({
      heading: `${stack}, ${SCALES[scale]}`,
      ...hourlyCost(settings, scale),
    }));
  });
  const names = [...new Set(columns.flatMap(({ lines }) => lines.map(({ what }) => what)))];
  const cells = (name: string) =>
    columns.map(({ lines }) => {
      const line = lines.find(({ what }) => what === name);
      return line ? `${line.count} × ${line.price.toFixed(4)}` : "";
    });
  return markdownTable(
    ["", ...columns.map(({ heading }) => heading)],
    [
      ...names.map((name) => [name, ...cells(name)]),
      ["**total**", ...columns.map(({ total }) => `**${total.toFixed(2)}**`)],
    ],
  );
}

/** The resources that Pulumi refuses to replace on prod. */
function protectionTable(): string {
  const rows = Object.values(STATEFUL).map(({ name, loses, cause, step }) => {
    const [page, anchor] = step.split("#");
    const link = page === "aws.md" ? `#${anchor}` : step;
    return [name, loses, cause, `[${anchor.replaceAll("-", " ")}](${link})`];
  });
  return markdownTable(["resource", "a replacement loses", "what would replace it", "step"], rows);
}

if (require.main === module) writeFileSync(PAGE, withGeneratedTables(readFileSync(PAGE, "utf8")));
