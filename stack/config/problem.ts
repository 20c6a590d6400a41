/** A problem with the settings, or with the machine or account that they ask for. */
export interface Problem {
  /** Configuration key, without the namespace. */
  key: string;
  /** Value that was found. Never a secret. */
  value?: string;
  /** What is wrong and how to fix it. */
  remedy: string;
}

/** Formats all problems as one message. */
export function formatProblems(problems: readonly Problem[], stack: string): string {
  const lines = problems.map(
    ({ key, value, remedy }) => `  spatialforge:${key}${value === undefined ? "" : ` = ${value}`}\n      ${remedy}`,
  );
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  const text = `stack ${stack}: ${count}, nothing was changed\n${lines.join("\n")}`;
  // The state of the local stack is inside the clone. Only `npm run pulumi` tells the CLI where.
  return stack === "local" ? text.replaceAll("`pulumi ", "`npm run pulumi -- ") : text;
}

/** Removes user and password from the URLs in a text. A password can contain `@`. */
export const withoutCredentials = (text: string): string =>
  text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"']*@/gi, "$1");
