/**
 * A part of `npm run docs`: updates the generated table of the settings in docs/aws.md. The tables of the costs are updated by
 * test/unit/cost-docs.test.ts, because only tests record the resources of a stack.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { awsSettingsSchema } from "../stack/config/aws-schema";
import { ROOT } from "../stack/root";
import { markdownTable, withGeneratedTable } from "./generated-tables";

const PAGE = join(ROOT, "docs", "aws.md");

/**
 * Replaces the table of the settings in a page.
 * @throws Error if the page does not have the markers of the table.
 */
export const withSettingsTable = (page: string): string =>
  withGeneratedTable(page, "settings", "docs", settingsTable());

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

if (require.main === module) writeFileSync(PAGE, withSettingsTable(readFileSync(PAGE, "utf8")));
