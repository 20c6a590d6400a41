import type { CostChange, MonthlyCost } from "./cost-change";
import type { RebuildReason } from "./images";
import type { Removal, Summary } from "./summary";

/** Longest comment of GitHub is 65,536 characters. The rest is for the text around it. */
const MAXIMUM_LENGTH = 60_000;

/** Entries that a list shows. The others are counted. With it, a summary has at most 60 lines before the raw difference. */
const SHOWN = 6;

/** The summary as Markdown: at most one screen, with the raw difference folded below it. @param diff - output of `pulumi preview --diff` */
export function markdown(summary: Summary, diff: string, maximumLength = MAXIMUM_LENGTH): string {
  if (summary.result === "unchanged") return `${headline(summary)}\n`;
  const text = `${[headline(summary), ...sections(summary)].join("\n\n")}\n`;
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

function sections(summary: Summary): string[] {
  const { errors, images, restarts, removals, settings, policy, cost } = summary;
  return [
    section("Errors", errorBlock(errors)),
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
    section("Cost a month", costOfChange(cost)),
    section(
      "Policy",
      list(policy, (finding) => {
        const level = finding.mandatory ? "🛑 mandatory" : "advisory";
        return `${level} \`${finding.policy}\`${finding.resource && ` on \`${finding.resource}\``}: ${oneLine(detailOf(finding.message))}`;
      }),
    ),
  ].filter(Boolean);
}

function costOfChange(cost: CostChange | undefined): string {
  if (!cost) return "";
  const { region, before, after, lines, assumptions, unpriced } = cost;
  const line = (what: string, old: MonthlyCost | undefined, current: MonthlyCost) =>
    `${what}: ${change(old?.atRest, current.atRest)} at rest, ${change(old?.atFullScale, current.atFullScale)} at full scale`;
  const shown = before ? lines : [];
  return [
    line(`**${region}**`, before, after),
    "",
    list(shown, ({ what, ...amounts }) => line(what, amounts.before, amounts.after)),
    list(unpriced, (sentence) => `⚠️ ${sentence}`),
    ...(shown.length || unpriced.length ? [""] : []),
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

/** Lines of errors that a summary shows. */
const SHOWN_LINES = 25;

function errorBlock(errors: readonly string[]): string {
  const lines = errors.join("\n\n").split("\n");
  const more = lines.length > SHOWN_LINES ? [`... ${lines.length - SHOWN_LINES} more lines`] : [];
  return errors.length ? ["```text", ...lines.slice(0, SHOWN_LINES), ...more, "```"].join("\n") : "";
}

const section = (title: string, body: string): string => body && `**${title}**\n\n${body}`;

function list<T>(entries: readonly T[], text: (entry: T) => string, marker = "-"): string {
  const shown = entries.slice(0, SHOWN).map((entry) => `${marker} ${text(entry)}`);
  const more = entries.length - SHOWN;
  return [...shown, ...(more > 0 ? [`${marker} and ${more} more`] : [])].join("\n");
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
  return `⚠️ ${what}: loses ${stateful.loses}.${refused} First follow [docs/${stateful.step}](docs/${stateful.step})`;
}

function restartSteps({ gpuInstances, roles }: Summary["restarts"]): string[] {
  const names = roles.map(
    ({ role, because }) => `**${role}**${because.length ? ` (${short(because).join(", ")})` : ""}`,
  );
  return [...(gpuInstances ? ["GPU instances are replaced"] : []), ...(names.length ? [names.join(", ")] : [])];
}

const short = (names: readonly string[]): string[] =>
  names.length > SHOWN_DETAILS
    ? [...names.slice(0, SHOWN_DETAILS), `and ${names.length - SHOWN_DETAILS} more`]
    : [...names];

function folded(diff: string, room: number): string {
  if (!diff.trim()) return "";
  const [start, end] = ["\n<details><summary>Raw difference</summary>\n\n```text\n", "\n```\n\n</details>\n"];
  const note = "\n... cut: the summary of the job has the rest";
  const text = diff.trim().replaceAll("```", "'''");
  const space = room - start.length - end.length;
  return start + (text.length <= space ? text : text.slice(0, Math.max(0, space - note.length)) + note) + end;
}

const code = (value: string | undefined): string =>
  value === undefined ? "not set" : `\`${shortDigests(value).slice(0, 80)}\``;
/** Text with the first 12 digits of each digest. */
const shortDigests = (text: string): string => text.replaceAll(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
/** The message of a finding: the first line is the description of the rule. */
const detailOf = (message: string): string => message.split("\n").slice(1).join(" ").trim() || message;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 300);
const plural = (count: number, singular: string, several: string): string =>
  `${count} ${count === 1 ? singular : several}`;
