/** A problem with the settings, or with the machine or the AWS account that they require. */
export interface Problem {
  /** Configuration key, without the namespace. */
  key: string;
  /** Value that was found. It must contain no secret. `formatProblems` removes the credentials of a URL. */
  value?: string;
  /** What is wrong and how to fix it. */
  remedy: string;
}

/** Formats all problems as one message, without the credentials of the URLs in them. */
export function formatProblems(problems: readonly Problem[], stack: string): string {
  const lines = problems.map(
    ({ key, value, remedy }) => `  spatialforge:${key}${value === undefined ? "" : ` = ${value}`}\n      ${remedy}`,
  );
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  const text = withoutCredentials(`stack ${stack}: ${count}, nothing was changed\n${lines.join("\n")}`);
  // The state of the local stack is in the clone. `npm run pulumi` passes its location to the CLI.
  return stack === "local" ? text.replaceAll("`pulumi ", "`npm run pulumi -- ") : text;
}

/** Removes the user and the password from each URL in a text. A password can contain `@`. */
export const withoutCredentials = (text: string): string =>
  text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"']*@/gi, "$1");
