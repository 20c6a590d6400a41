import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lastHealthCheck } from "../../stack/images/health-check";
import { ROOT } from "../../stack/root";

const script = readFileSync(join(ROOT, "images", "runtime", "healthcheck.py"), "utf8");
/** What healthcheck.py writes in front of its line. */
const prefix = /^LOG_PREFIX = "(.+)"$/m.exec(script)![1];

it("the last result of the health check is found in a log", () => {
  const log = [
    "INFO: started",
    `${prefix}unhealthy: beat has not ticked yet`,
    `${prefix}healthy: beat\r`, // a terminal adds a carriage return
    `another line with ${prefix}unhealthy: no`,
    '{"_aws": {}}',
  ];
  expect(lastHealthCheck(log)).toBe("healthy: beat");
  expect(lastHealthCheck(log.slice(0, 1))).toBeUndefined();
});
