/**
 * No stack for an error without a message: Pulumi takes one for each of its promises, thousands of them, and to format it by the source maps
 * of this program's loader is a fifth of what the program itself works in a preview. Where a resource was made is kept: for that, Pulumi lifts the limit.
 */
const format = Error.prepareStackTrace;

Error.prepareStackTrace = (error, frames) => {
  if (!error.message && Number.isFinite(Error.stackTraceLimit)) return "";
  return format ? format(error, frames) : [String(error), ...frames].join("\n    at ");
};
