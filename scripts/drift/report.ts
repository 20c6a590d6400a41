import { markdownTable } from "../generated-tables";
import { MAXIMUM_BODY_LENGTH } from "../github";
import type { DriftedResource } from "./differences";

/** Variables of GitHub Actions that name the run: https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
type RunVariables = Partial<Record<"GITHUB_SERVER_URL" | "GITHUB_REPOSITORY" | "GITHUB_RUN_ID", string>>;

/**
 * The differences, in Markdown. Undefined if no resource differs.
 * @param maximumLength - number of characters. Default: what fits into an issue.
 */
export function driftReport(
  stack: string,
  drifted: readonly DriftedResource[],
  run: RunVariables = {},
  maximumLength = MAXIMUM_BODY_LENGTH,
): string | undefined {
  if (drifted.length === 0) return undefined;
  const head = [
    `${drifted.length === 1 ? "1 resource" : `${drifted.length} resources`} of the stack \`${stack}\` differ from the state of Pulumi: something other than Pulumi changed them. This issue is updated every night, and closed when the differences are gone.`,
    `- To undo the changes, run \`pulumi up --refresh --stack ${stack}\`.\n- To keep them, change the program or the settings, and then run \`pulumi refresh --stack ${stack}\`.`,
  ];
  const link = runLink(run);
  const foot = link ? [`Found by [this run](${link}).`] : [];
  const budget = maximumLength - [...head, ...foot].join("\n\n").length;
  return [...head, ...within(drifted.map(section), budget), ...foot].join("\n\n");
}

function section({ type, name, missing, differences }: DriftedResource): string {
  const title = `### \`${name}\` (${type})`;
  if (missing) return `${title}\n\nThe resource does not exist any more.`;
  if (differences.length === 0) return `${title}\n\nThe provider does not say which properties differ.`;
  const rows = differences.map(({ property, expected, actual }) => [property, expected, actual].map(cell));
  return `${title}\n\n${markdownTable(["property", "expected", "actual"], rows)}`;
}

/** A value in a cell of a table. Values come from AWS: as code, they can contain no Markdown, no HTML, and no mention of a user. */
const cell = (value: string): string => `\`${value.replaceAll("`", "'").replaceAll("|", "\\|").replace(/\s+/g, " ")}\``;

/** As many sections as have room, and the number of the others. */
function within(sections: readonly string[], budget: number): string[] {
  let used = 0;
  const count = sections.findIndex((text) => (used += text.length + 2) > budget);
  if (count < 0) return [...sections];
  return [
    ...sections.slice(0, count),
    `${sections.length - count} more resources differ. The log of the run lists them.`,
  ];
}

function runLink({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }: RunVariables): string | undefined {
  return GITHUB_RUN_ID && `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
}
