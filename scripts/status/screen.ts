import { shortDigest } from "../../stack/registry/tags";
import { color } from "../local/color";
import { formatDuration } from "../operate/duration";
import { dataOf, type DeploymentStatus, type Problem, type QueueStatus, type Section, type Status } from "./model";

/** Columns of a line, and lines of the screen. */
const WIDTH = 100;
const HEIGHT = 40;

/** Lines of the details of a deployment: why its tasks stopped, and the end of the log. */
const FIRST_DETAILS = 2;
const LAST_DETAILS = 5;

/** Instances that the screen lists. `--json` lists all. */
const INSTANCES = 6;

/** The status of a stack as text: one screen. Its first lines say whether all is well, or else what is wrong and the next command. */
export function screen(status: Status, problems: readonly Problem[]): string {
  const lines = [
    ...headline(status, problems),
    "",
    ...roles(status),
    ...block("deployments", status.deployments, (all) => all.flatMap((one) => deployment(one, status.time))),
    ...block("waiting for an instance", withItems(status.waiting), (all) =>
      all.flatMap(({ role, tasks, reasons }) => [`${role}: ${tasks}`, ...reasons.flatMap((reason) => wrapped(reason))]),
    ),
    ...block("queue", status.queues, (all) => all.map(queue)),
    ...block("instances", status.instances, (all) => [
      ...columns(
        all
          .slice(0, INSTANCES)
          .map((one) => [
            one.id,
            one.type,
            one.zone,
            one.ami,
            `${one.freeGpus} of ${one.gpus} GPUs free`,
            one.agentConnected ? one.status : `${one.status}, agent disconnected`,
          ]),
      ),
      ...(all.length > INSTANCES ? [`and ${all.length - INSTANCES} more`] : []),
    ]),
    ...block("Redis", status.redis, (all) =>
      all.map(
        ({ node, memory }) => `${node}: ${memory === undefined ? "memory unknown" : `${memory} % of memory used`}`,
      ),
    ),
    ...block("alarms", status.alarms, (all) => all.map(({ name, since }) => `${name}${ago(since, status.time)}`)),
  ];
  const shown = lines.length > HEIGHT ? [...lines.slice(0, HEIGHT - 1), `... add --json to see all`] : lines;
  return shown.join("\n");
}

function headline(status: Status, problems: readonly Problem[]): string[] {
  const { stack, platform, region, time } = status;
  const where = `stack ${stack}, ${region ?? platform}, ${time.replace("T", " ").replace(/\..*/, "")} UTC`;
  if (!problems.length) return [color.green(`all well: ${where}`)];
  const height = problems.length > 1 ? 1 : 2;
  return [
    ...problems.flatMap(({ problem, next }) => [
      ...wrapped(problem, "", height).map((line) => color.red(line)),
      `  next: ${next}`,
    ]),
    where,
  ];
}

function roles({ roles, containers }: Status): string[] {
  if ("unknown" in roles) return [`roles: ${roles.unknown}`];
  const rows = roles.data.map(({ role, desired, running, healthy, release, digest }) => [
    role,
    ...[desired, running, healthy].map(String),
    release ?? "no release",
    digest ? shortDigest(digest) : "",
  ]);
  const others = dataOf(containers).map(({ name, health }) => `${name} ${health}`);
  return [
    ...columns([["role", "desired", "running", "healthy", "release", "digest"], ...rows]),
    ...(others.length ? [cut(`other containers: ${others.join(", ")}`)] : []),
  ];
}

/** A section with its lines, each indented. Nothing if the platform does not have it, or if it is empty. */
function block<T>(title: string, section: Section<T[]> | undefined, lines: (data: T[]) => string[]): string[] {
  if (!section) return [];
  if ("unknown" in section) return [cut(`${title}: unknown, ${section.unknown}`)];
  return section.data.length ? [title, ...lines(section.data).map((line) => cut(`  ${line}`))] : [`${title}: none`];
}

/** A section that is shown only if it has items, or if it could not be read. */
const withItems = <T>(section: Section<T[]> | undefined): Section<T[]> | undefined =>
  section && "data" in section && !section.data.length ? undefined : section;

function deployment(
  { role, state, startedAt, finishedAt, reason, details, isLatest }: DeploymentStatus,
  now: string,
): string[] {
  const when = ago(state === "failed" ? finishedAt : startedAt, now);
  const later = state === "failed" && !isLatest ? ", and a later one succeeded" : "";
  const isLong = details.length > FIRST_DETAILS + LAST_DETAILS;
  const shown = isLong ? [...details.slice(0, FIRST_DETAILS), "...", ...details.slice(-LAST_DETAILS)] : details;
  return [...wrapped(`${role}: ${state}${when}${later}: ${reason}`, ""), ...shown.map((line) => `  ${line}`)];
}

function queue({ role, jobs, runningJobs, age, wantedTasks }: QueueStatus): string {
  if (jobs === undefined) return `${role}: unknown`;
  const kinds =
    runningJobs === undefined ? "waiting or running" : `${jobs - runningJobs} waiting, ${runningJobs} running`;
  return [
    `${role}: ${jobs} ${jobs === 1 ? "job" : "jobs"} (${kinds})`,
    ...(age === undefined ? [] : [`the next one waits for ${formatDuration(age)}`]),
    ...(wantedTasks === undefined ? [] : [`wanted tasks: ${wantedTasks}`]),
  ].join(", ");
}

const ago = (time: string | undefined, now: string): string =>
  time ? ` ${formatDuration(Math.max(0, (Date.parse(now) - Date.parse(time)) / 1000))} ago` : "";

/** Lines of a table. Numbers are aligned to the right. */
function columns(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
  const isNumber = widths.map((_, column) => rows.slice(1).some((row) => /^\d+$/.test(row[column])));
  return rows.map((row) =>
    cut(
      row
        .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join("  ")
        .trimEnd(),
    ),
  );
}

/** A text in lines. @param height - maximum number of lines: the last one is cut */
function wrapped(text: string, indent = "  ", height = 4): string[] {
  const lines: string[] = [];
  // Sections indent their lines by two more columns.
  const width = WIDTH - indent.length - 2;
  let rest = text;
  while (rest && lines.length < height) {
    const space = rest.length <= width ? -1 : rest.lastIndexOf(" ", width);
    const end = lines.length === height - 1 || space <= 0 ? rest.length : space;
    lines.push(cut(indent + rest.slice(0, end)));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

const cut = (line: string): string => (line.length > WIDTH ? `${line.slice(0, WIDTH - 3)}...` : line);
