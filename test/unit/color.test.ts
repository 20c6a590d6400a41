import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../stack/root";

it("output to a pipe has no colors, even if CI is set", () => {
  const print = `console.log(require(${JSON.stringify(join(ROOT, "scripts/local/color.ts"))}).color.red("plain"))`;
  const out = execFileSync(process.execPath, ["--import", "tsx", "-e", print], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, CI: "true" },
    encoding: "utf8",
  });
  expect(out).toBe("plain\n");
});
