import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { ROOT } from "../../stack/root";

it("npm run check finds nothing", { timeout: 180_000 }, () => {
  expect(() =>
    execFileSync("npm", ["run", "--silent", "check"], { cwd: ROOT, encoding: "utf8", stdio: "pipe" }),
  ).not.toThrow();
});
