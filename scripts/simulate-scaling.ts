/** `npm run simulate`: compares policies for the number of workers by a simulation, and updates the table in docs/scaling.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCALE_IN_DELAY_S } from "../stack/aws/service/scaling-steps";
import { ROOT } from "../stack/root";
import { markdownTable, withGeneratedTable } from "./generated-tables";
import { Events } from "./simulate/events";
import { exactCapacity, needed, targetTracking, type Policy } from "./simulate/policies";
import { Workers } from "./simulate/workers";
import { DAY, workload, type Job } from "./simulate/workload";

const PAGE = join(ROOT, "docs", "scaling.md");
const SEED = 1;
const DAYS = 20;

/** Scale-in delays that are compared, in seconds. */
const DELAYS = [0, 60, 300, 600, 1200, 1800];

/** A scale-out can follow metrics that are two minutes old. */
const [METRIC_INTERVAL_S, METRIC_VALUES] = [10, 12];

/** The compared policies, by the name in the table. */
const POLICIES: Record<string, Policy> = {
  "target tracking, cooldowns 1 and 10 min": targetTracking({ scaleOut: 60, scaleIn: 600 }),
  "target tracking, cooldowns 10 and 10 min": targetTracking({ scaleOut: 600, scaleIn: 600 }),
  ...Object.fromEntries(
    DELAYS.map((delay) => [
      `exact capacity, scale-in delay ${delay / 60} min${delay === SCALE_IN_DELAY_S ? " (**used**)" : ""}`,
      exactCapacity(delay),
    ]),
  ),
};

/** Results of a policy. Times are in seconds. */
export interface Result {
  jobs: number;
  meanWait: number;
  p95Wait: number;
  gpuHoursPerDay: number;
  instancesPerDay: number;
  /** Instances a day that were terminated without having run a job. */
  unusedPerDay: number;
  /** Maximum number of workers that a scale-out desired above the number that was needed in the minutes before. */
  overshoot: number;
}

/** Runs a policy on some days of jobs. */
export function simulate(policy: Policy, jobs: readonly Job[], days: number): Result {
  const events = new Events();
  const workers = new Workers(events);
  let overshoot = 0;
  let recentlyNeeded: number[] = [];
  events.every(METRIC_INTERVAL_S, () => (recentlyNeeded = [...recentlyNeeded, needed(workers)].slice(-METRIC_VALUES)));
  for (const job of jobs) events.after(job.arrival, () => workers.add(job));
  policy(workers, events, (count) => {
    if (count > workers.desired) overshoot = Math.max(overshoot, count - Math.max(needed(workers), ...recentlyNeeded));
    if (count !== workers.desired) workers.setDesired(count);
  });
  events.runUntil(days * DAY);
  workers.finish();
  const waits = workers.waits.sort((a, b) => a - b);
  return {
    jobs: waits.length,
    meanWait: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    p95Wait: waits[Math.floor(0.95 * waits.length)],
    gpuHoursPerDay: workers.instanceSeconds / 3600 / days,
    instancesPerDay: workers.instancesStarted / days,
    unusedPerDay: workers.unused / days,
    overshoot,
  };
}

/** The table of docs/scaling.md, the same for each run. */
function resultsTable(): string {
  const jobs = workload(SEED, DAYS);
  const minutes = (seconds: number) => (seconds / 60).toFixed(1);
  const rows = Object.entries(POLICIES).map(([name, policy]) => {
    const result = simulate(policy, jobs, DAYS);
    return [
      name,
      minutes(result.meanWait),
      minutes(result.p95Wait),
      result.gpuHoursPerDay.toFixed(1),
      result.instancesPerDay.toFixed(1),
      result.unusedPerDay.toFixed(1),
      String(result.overshoot),
    ];
  });
  const head = [
    "policy",
    "mean wait (min)",
    "95th percentile (min)",
    "GPU hours a day",
    "instances a day",
    "without a job",
    "overshoot (workers)",
  ];
  return markdownTable(head, rows);
}

/** The page with the results of the current code. */
export const withResults = (page: string): string => withGeneratedTable(page, "simulation", "simulate", resultsTable());

if (require.main === module) writeFileSync(PAGE, withResults(readFileSync(PAGE, "utf8")));
