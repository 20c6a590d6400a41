import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root";

/** Health check of a container. Times are in seconds. */
export interface HealthCheck {
  command: string[];
  interval: number;
  timeout: number;
  retries: number;
  /** Time after the start of a container in which failed checks do not count. */
  startPeriod: number;
}

/** Seconds after the start of a container until ECS gives up on it, if it never gets healthy and each check takes no time. */
export const secondsUntilUnhealthy = ({ startPeriod, interval, retries }: HealthCheck): number =>
  startPeriod + interval * retries;

/**
 * Reads the health check from `HEALTHCHECK` in `images/Dockerfile`, which is its only source. ECS ignores that instruction, so task
 * definitions repeat it.
 * @throws Error if the Dockerfile has no HEALTHCHECK.
 */
export function imageHealthCheck(): HealthCheck {
  const dockerfile = readFileSync(join(ROOT, "images", "Dockerfile"), "utf8");
  const match = /^HEALTHCHECK (?<options>[^\\]*)\\\n\s*CMD (?<command>\[.*\])$/m.exec(dockerfile)?.groups;
  if (!match) throw new Error("images/Dockerfile has no HEALTHCHECK");
  const option = (name: string) => parseInt(new RegExp(`--${name}=(\\d+)s?(?: |$)`).exec(match.options)?.[1] ?? "", 10);
  return {
    command: ["CMD", ...(JSON.parse(match.command) as string[])],
    interval: option("interval"),
    timeout: option("timeout"),
    retries: option("retries"),
    startPeriod: option("start-period"),
  };
}

/** Start of each line that `images/runtime/healthcheck.py` writes to the log of a container when the result of the health check changes. */
const LOG_PREFIX = "health check: ";

/**
 * The last result of the health check in a log, such as `unhealthy: Redis does not respond at redis:6379 (TimeoutError)`. Undefined if the log
 * has none.
 * @param lines - the log, with the newest line at the end
 */
export const lastHealthCheck = (lines: readonly string[]): string | undefined =>
  lines
    .filter((line) => line.startsWith(LOG_PREFIX))
    .at(-1)
    ?.slice(LOG_PREFIX.length)
    .trimEnd();
