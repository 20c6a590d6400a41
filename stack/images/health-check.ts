import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root";

/** A container's health check; times in seconds. */
export interface HealthCheck {
  command: string[];
  interval: number;
  timeout: number;
  retries: number;
}

/** The check that the images declare: `HEALTHCHECK` of `images/Dockerfile` is its one source. ECS ignores it in the image. */
export function imageHealthCheck(dockerfile = readFileSync(join(ROOT, "images", "Dockerfile"), "utf8")): HealthCheck {
  const found = /^HEALTHCHECK (?<options>[^\\]*)\\\n\s*CMD (?<command>\[.*\])$/m.exec(dockerfile)?.groups;
  if (!found) throw new Error("images/Dockerfile has no HEALTHCHECK");
  const option = (name: string) => parseInt(new RegExp(`--${name}=(\\d+)s?(?: |$)`).exec(found.options)?.[1] ?? "", 10);
  return {
    command: ["CMD", ...(JSON.parse(found.command) as string[])],
    interval: option("interval"),
    timeout: option("timeout"),
    retries: option("retries"),
  };
}
