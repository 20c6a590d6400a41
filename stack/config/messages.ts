import type { z } from "zod";

type Issue = z.core.$ZodRawIssue;
type Messages = { [Code in Issue["code"]]?: (issue: Extract<Issue, { code: Code }>) => string | undefined };

/** Messages for the checks of the schema that have no message of their own. */
const MESSAGES: Messages = {
  too_small: ({ origin, minimum }) =>
    origin === "string" ? "the value must not be empty" : `the value must be at least ${minimum}`,
  too_big: ({ maximum }) => `the value must be at most ${maximum}`,
  invalid_type: ({ expected }) => `the value must be ${TYPES[expected] ?? expected}`,
  invalid_value: ({ values }) => `the value must be one of ${values.map(String).join(", ")}`,
  invalid_format: ({ format }) => (format === "email" ? "the value must be an email address" : undefined),
  invalid_union: () => "the value has the wrong type",
};

const TYPES: Record<string, string> = {
  array: "a list",
  boolean: "true or false",
  int: "an integer",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "text",
};

/** The message for an issue of the schema. */
export const schemaMessage = (issue: Issue): string | undefined =>
  (MESSAGES[issue.code] as ((issue: Issue) => string | undefined) | undefined)?.(issue);
