import { MAXIMUM_BODY_LENGTH } from "../github";
import type { CostChange, MonthlyCost } from "./cost-change";
import type { RebuildReason } from "./images";
import type { Restart } from "./restarts";
import { shortDigests } from "./short-digests";
import type { Removal, Summary } from "./summary";

/** Lines of a summary before the raw difference. */
const MAXIMUM_LINES = 60;

/** Entries that a list shows. The others are counted. It is the largest number with which the summary is short enough. */
const SHOWN = [6, 5, 4, 3, 2, 1];

/** The summary as Markdown: at most one screen, with the raw difference folded below it. @param diff - output of `pulumi preview --diff` */
export function markdown(summary: Summary, diff: string, maximumLength = MAXIMUM_BODY_LENGTH): string {
  if (summary.result === "unchanged") return `${headline(summary)}\n`;
  const screens = SHOWN.map((shown) => `${[headline(summary), ...sections(summary, shown)].join("\n\n")}\n`);
  // An empty line follows before the raw difference.
  const text = screens.find((screen) => screen.split("\n").length < MAXIMUM_LINES) ?? screens[screens.length - 1];
  return text + folded(diff, maximumLength - text.length);
}

function headline({ stack, result, created, updated, images, restarts, removals }: Summary): string {
  if (result === "unchanged") return `### \`${stack}\`: no changes`;
  if (result === "failed") return `### \`${stack}\`: the preview failed`;
  const data = removals.filter(({ stateful }) => stateful).length;
  const parts = [
    data > 0 && `⚠️ ${plural(data, "resource with data is", "resources with data are")} replaced or deleted`,
    images.length > 0 && `${plural(images.length, "image is", "images are")} built`,
    restarts.roles.length > 0 && `${plural(restarts.roles.length, "role restarts", "roles restart")}`,
    created > 0 && `${plural(created, "resource is", "resources are")} created`,
    updated > 0 && `${plural(updated, "other resource is", "other resources are")} updated`,
    removals.length === 0 && "nothing is replaced or deleted",
    removals.length > data &&
      `${plural(removals.length - data, "other resource is", "other resources are")} replaced or deleted`,
  ];
  return `### \`${stack}\`: ${parts.filter(Boolean).join(", ")}`;
}

function sections(summary: Summary, shown: number): string[] {
  const list = <T>(entries: readonly T[], text: (entry: T) => string, marker = "-") =>
    items(entries, shown, text, marker);
  const { errors, undoneRollback, images, restarts, removals, settings, policy, cost } = summary;
  return [
    section("Errors", errorBlock(errors, 3 * shown)),
    undoneRollback &&
      `⚠️ This undoes a rollback: the stack runs \`${undoneRollback.running}\`, although \`${undoneRollback.newest}\` is newer. ` +
        `To keep \`${undoneRollback.running}\`, set \`spatialforge:release\` in \`Pulumi.${summary.stack}.yaml\`.`,
    section(
      "Removed with their data",
      list(
        removals.filter(({ stateful }) => stateful),
        removal,
      ),
    ),
    section(
      "Images",
      list(images, ({ image, reasons }) => `**${image}**: ${reasons.map(reason).join("; ")}`),
    ),
    section(
      "Restarts",
      list(restartSteps(restarts), (step) => step, "1."),
    ),
    section(
      "Replaced or deleted",
      list(
        removals.filter(({ stateful }) => !stateful),
        removal,
      ),
    ),
    section(
      "Settings",
      list(settings, ({ key, before, after }) => `\`${key}\`: ${code(before)} → ${code(after)}`),
    ),
    section("Cost a month", costOfChange(cost, shown)),
    section(
      "Policy",
      list(policy, (finding) => {
        const level = finding.mandatory ? "🛑 mandatory" : "advisory";
        return `${level} \`${finding.policy}\`${finding.resource && ` on \`${finding.resource}\``}: ${oneLine(detailOf(finding.message))}`;
      }),
    ),
  ].filter((text) => !!text) as string[];
}

function costOfChange(cost: CostChange | undefined, shown: number): string {
  if (!cost) return "";
  const { region, before, after, lines, assumptions, unpriced } = cost;
  const line = (what: string, old: MonthlyCost | undefined, current: MonthlyCost) =>
    `${what}: ${change(old?.atRest, current.atRest)} at rest, ${change(old?.atFullScale, current.atFullScale)} at full scale`;
  const changed = before ? lines : [];
  return [
    line(`**${region}**`, before, after),
    "",
    items(changed, shown, ({ what, ...amounts }) => line(what, amounts.before, amounts.after)),
    items(unpriced, shown, (sentence) => `⚠️ ${sentence}`),
    ...(changed.length || unpriced.length ? [""] : []),
    `<details><summary>Assumptions</summary>\n\n${assumptions.map((sentence) => `- ${sentence}`).join("\n")}\n\n</details>`,
  ]
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n");
}

const change = (before: number | undefined, after: number | undefined): string =>
  before === undefined || before === after ? usd(after) : `${usd(before)} → ${usd(after)}`;

const usd = (dollars: number | undefined): string =>
  dollars === undefined
    ? "unknown"
    : dollars.toLocaleString("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 2 });

/** Characters of a line of an error that a summary shows. */
const SHOWN_CHARACTERS = 500;

function errorBlock(errors: readonly string[], maximum: number): string {
  const lines = errors.join("\n\n").split("\n");
  const more = lines.length > maximum ? [`... ${lines.length - maximum} more lines`] : [];
  const shown = lines.slice(0, maximum).map((line) => inFence(line.slice(0, SHOWN_CHARACTERS)));
  return errors.length ? ["```text", ...shown, ...more, "```"].join("\n") : "";
}

const section = (title: string, body: string): string => body && `**${title}**\n\n${body}`;

function items<T>(entries: readonly T[], shown: number, text: (entry: T) => string, marker = "-"): string {
  const first = entries.slice(0, shown).map((entry) => `${marker} ${text(entry)}`);
  const more = entries.length - shown;
  return [...first, ...(more > 0 ? [`${marker} and ${more} more`] : [])].join("\n");
}

/** Files or packages that a reason shows. */
const SHOWN_DETAILS = 4;

function reason({ part, details }: RebuildReason): string {
  if (details.length === 0) return part;
  const shown = details.slice(0, SHOWN_DETAILS).map((detail) => `\`${detail}\``);
  const more = details.length - shown.length;
  return `${part} (${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
}

function removal({ op, type, name, because, stateful, ...entry }: Removal): string {
  const what = `${op} \`${name}\` (${type.split(":").at(-1)})${because.length ? ` because of ${because.map(code).join(", ")}` : ""}`;
  if (!stateful) return what;
  const refused = entry.protected ? " Pulumi refuses it, because the resource is protected." : "";
  return `⚠️ ${what}: loses ${stateful.loses}.${refused} First follow ${linkTo(`docs/${stateful.step}`)}`;
}

function restartSteps({ gpuInstances, roles }: Summary["restarts"]): string[] {
  const steps = [...new Set(roles.map(({ step }) => step))].sort((a, b) => a - b);
  const text = ({ role, because }: Restart) => `**${role}**${because.length ? ` (${short(because).join(", ")})` : ""}`;
  const ofStep = (step: number) => roles.filter((role) => role.step === step).map(text);
  return [...(gpuInstances ? ["GPU instances are replaced"] : []), ...steps.map((step) => ofStep(step).join(", "))];
}

const short = (names: readonly string[]): string[] =>
  names.length > SHOWN_DETAILS
    ? [...names.slice(0, SHOWN_DETAILS), `and ${names.length - SHOWN_DETAILS} more`]
    : [...names];

function folded(diff: string, room: number): string {
  if (!diff.trim()) return "";
  const [start, end] = ["\n<details><summary>Raw difference</summary>\n\n```text\n", "\n```\n\n</details>\n"];
  const note = "\n... cut: the summary of the job has the rest";
  const text = inFence(diff.trim());
  const space = room - start.length - end.length;
  return start + (text.length <= space ? text : text.slice(0, Math.max(0, space - note.length)) + note) + end;
}

/** Text in a code block, which it cannot end. */
const inFence = (text: string): string => text.replaceAll("```", "'''");

/** A link to a file of the repository on GitHub, at the commit of the workflow. Elsewhere, the path of the file. */
function linkTo(path: string): string {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_SHA } = process.env;
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY || !GITHUB_SHA) return `\`${path}\``;
  return `[${path}](${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/blob/${GITHUB_SHA}/${path})`;
}

const code = (value: string | undefined): string =>
  value === undefined ? "not set" : `\`${shortDigests(value).slice(0, 80)}\``;
/** The message of a finding: the first line is the description of the rule. */
const detailOf = (message: string): string => message.split("\n").slice(1).join(" ").trim() || message;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 300);
const plural = (count: number, singular: string, several: string): string =>
  `${count} ${count === 1 ? singular : several}`;
