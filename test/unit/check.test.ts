import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { ROOT } from "../../stack/root";

const noHadolint = !process.env.CI && spawnSync("hadolint", ["--version"]).status !== 0;

it.skipIf(noHadolint)("npm run check finds nothing (needs hadolint)", { timeout: 180_000 }, () => {
  expect(() =>
    execFileSync("npm", ["run", "--silent", "check"], { cwd: ROOT, encoding: "utf8", stdio: "pipe" }),
  ).not.toThrow();
});
