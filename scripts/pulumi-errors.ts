/** The errors in the output of the CLI, or all of it. */
export const errorsIn = (output: string): string =>
  [...new Set(Array.from(output.matchAll(/^\s*error: (.*)/gm), ([, text]) => text))].join("\n") || output;
