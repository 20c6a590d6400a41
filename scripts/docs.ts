/**
 * A part of `npm run docs`: updates the generated tables of the settings and the protected resources in docs/aws.md. The tables of the costs
 * are updated by test/unit/cost-docs.test.ts, because only tests record the resources of a stack.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { STATEFUL } from "../stack/aws/stateful";
import { awsSettingsSchema } from "../stack/config/aws-schema";
import { ROOT } from "../stack/root";
import { markdownTable, withGeneratedTable } from "./generated-tables";

const PAGE = join(ROOT, "docs", "aws.md");

/** The generated tables, by the name in their markers. */
const TABLES: Record<string, () => string> = { settings: settingsTable, protection: protectionTable };

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
