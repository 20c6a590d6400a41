import { spawnSync } from "node:child_process";
import { defineConfig } from "vitest/config";

/** Minutes, as milliseconds: image builds and rollouts take their time on a small machine. */
const minutes = (n: number): number => n * 60_000;

/** Whether a tier lacks its real part; in CI that is no excuse. */
const noEngine = !process.env.CI && spawnSync("docker", ["version"]).status !== 0;

const tier = (name: string, timeout: number) => ({
  extends: true as const,
  test: {
    name,
    include: noEngine && name !== "unit" ? ["test/harness/no-engine.test.ts"] : [`test/${name}/**/*.test.ts`],
    testTimeout: timeout,
    hookTimeout: timeout,
    fileParallelism: name === "unit",
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: process.env.CI ? ["default", ["json", { outputFile: ".reports/vitest.json" }]] : ["default"],
    projects: [tier("unit", minutes(0.5)), tier("images", minutes(15)), tier("stack", minutes(20))],
  },
});
