import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../stack/root";

/** Files that break no rule. */
const ALLOWED: Record<string, string> = {
  "index.ts": `
    const { readInputs } = await import("./stack/inputs.js");
    const platforms = [import("./stack/aws/platform.js"), import("./stack/docker/platform.js")];`,
  "stack/roles.ts": `export const roles = ["api"];`,
  "stack/root.ts": `export const ROOT = "/";`,
  "stack/pulumi/user-error.ts": `import "@pulumi/pulumi"; export class UserError {}`,
  "stack/aws/compute/instance-types.ts": `import "../../roles";`,
  "stack/config/schema.ts": `import "../aws/compute/instance-types"; export type Schema = 1;`,
  "stack/pulumi/stack-config.ts": `import "@pulumi/pulumi"; import "./user-error";`,
  "stack/clients/docker.ts": `import "../root";`,
  "stack/preflight/preflight.ts": `import "../clients/docker";`,
  "policy/index.cjs": `require("./pack.ts");`,
  "policy/pack.ts": `import "@pulumi/pulumi"; import "../stack/roles";`,
  "stack/platform.ts": `import type { Schema } from "./config/schema"; export type Platform = Schema;`,
  "stack/inputs.ts": `import "./pulumi/stack-config"; import "./config/schema"; import "./preflight/preflight"; export const readInputs = 1;`,
  "stack/docker/platform.ts": `import type { Platform } from "../platform";`,
  "stack/aws/platform.ts": `import type { Platform } from "../platform"; import "./operations/alarms";`,
  "stack/aws/operations/alarms.ts": `import "../compute/instance-types";`,
  "test/unit/cost.test.ts": `import "../../stack/aws/operations/alarms";`,
  "node_modules/@pulumi/pulumi/index.js": "",
};

/** Files that break one rule each: the file, its text, and the violation. */
const FORBIDDEN: [file: string, text: string, rule: string, to: string][] = [
  ["stack/app/application.ts", `import "../root";`, "upward-import-from-data-tables", "stack/root.ts"],
  ["stack/pulumi/a.ts", `import type { X } from "../platform";`, "upward-import-from-basics", "stack/platform.ts"],
  [
    "stack/config/a.ts",
    `export * from "../roles"; export * from "../root";`,
    "configuration-imports-data-tables-only",
    "stack/root.ts",
  ],
  [
    "stack/config/b.ts",
    `import "@pulumi/pulumi";`,
    "configuration-without-pulumi",
    "node_modules/@pulumi/pulumi/index.js",
  ],
  ["policy/a.ts", `import "../stack/root";`, "policy-pack-imports-data-tables-only", "stack/root.ts"],
  ["stack/aws/c.ts", `import "../../policy/pack";`, "upward-import-from-platforms", "policy/pack.ts"],
  ["stack/lock/a.ts", `import("../inputs.js");`, "upward-import-from-support", "stack/inputs.ts"],
  [
    "stack/lock/b.ts",
    `export type X = import("../docker/platform").X;`,
    "upward-import-from-support",
    "stack/docker/platform.ts",
  ],
  [
    "stack/images/a.ts",
    `import "../aws/operations/alarms";`,
    "upward-import-from-images-and-preflight",
    "stack/aws/operations/alarms.ts",
  ],
  ["stack/docker/a.ts", `import "../aws/operations/alarms";`, "docker-imports-aws", "stack/aws/operations/alarms.ts"],
  ["stack/aws/a.ts", `import type { X } from "../docker/platform";`, "aws-imports-docker", "stack/docker/platform.ts"],
  ["stack/aws/b.ts", `import "../../index";`, "upward-import-from-platforms", "index.ts"],
  ["scripts/a.ts", `import "../test/unit/cost.test";`, "upward-import-from-scripts", "test/unit/cost.test.ts"],
  ["stack/lock/cycle-1.ts", `import type { X } from "./cycle-2";`, "cycle", "stack/lock/cycle-2.ts"],
  ["stack/lock/c.ts", `import "../elsewhere/a";`, "no-layer", "stack/elsewhere/a.ts"],
  ["stack/lock/d.ts", `import "./missing";`, "unresolved", "./missing"],
];

/** Files that the violations need. */
const OTHERS: Record<string, string> = {
  "stack/lock/cycle-2.ts": `import type { X } from "./cycle-1";`,
  "stack/elsewhere/a.ts": "export {};",
  "stack/lock/tested-only.ts": "export {};",
  "test/unit/tested-only.test.ts": `import "../../stack/lock/tested-only";`,
  // A script that runs by itself and imports them all, so that none is unused.
  "scripts/local-stack.ts": FORBIDDEN.map(([file]) => `import "../${file.replace(".ts", "")}";`).join("\n"),
};

it("npm run architecture finds each forbidden import, and no other", () => {
  const folder = mkdtempSync(join(tmpdir(), "architecture-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const forbidden = Object.fromEntries(FORBIDDEN.map(([file, text]) => [file, text]));
  for (const [path, text] of Object.entries({ ...ALLOWED, ...forbidden, ...OTHERS })) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: { architecture: string; check: string };
  };
  expect(scripts.check).toContain("npm run architecture");
  const [command, ...args] = scripts.architecture.split(" ");
  const options = ["--config", join(ROOT, ".dependency-cruiser.mjs"), "--output-type", "json"];
  const { stdout } = spawnSync(join(ROOT, "node_modules/.bin", command), [...args, ...options], {
    cwd: folder,
    encoding: "utf8",
  });
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { rule: { name: string }; from: string; to: string }[] };
  };

  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort()).toEqual(
    [
      ...FORBIDDEN.map(([file, , rule, to]) => `${rule}: ${file} -> ${to}`),
      "unused: stack/lock/tested-only.ts -> stack/lock/tested-only.ts",
    ].sort(),
  );
});
