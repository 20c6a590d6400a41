import { spawnSync } from "node:child_process";
import { defineConfig } from "vitest/config";

/** Minutes in milliseconds. Image builds and rollouts are slow on a small machine. */
const minutes = (n: number): number => n * 60_000;

const fails = (command: string, ...args: string[]): boolean => spawnSync(command, args).status !== 0;

/**
 * Tiers whose engine or emulator is missing, and the test file that reports this instead of their tests. With CI=true there is no
 * such replacement: the tests run and fail.
 */
const replaced: Record<string, string> = {};
if (!process.env.CI) {
  const python = process.env.EMULATOR_PYTHON ?? "python3";
  if (fails(python, "-c", "import moto") || !process.env.LAB_ECR || !process.env.EMULATOR_CA) {
    replaced.aws = "test/harness/no-emulator.test.ts";
  }
  if (fails("docker", "version")) replaced.images = replaced.stack = replaced.aws = "test/harness/no-engine.test.ts";
}

interface Options {
  /** Default: all test files of the tier. */
  include?: string[];
  exclude?: string[];
  /** Whether test files run at the same time. Default: false. */
  parallel?: boolean;
  /** Whether the tier has an earlier part, which reports a missing engine or emulator. */
  later?: boolean;
}

/** A tier, or a part of it with the name `TIER-PART`. */
const tier = (name: string, order: number, timeout: number, options: Options = {}) => {
  const folder = name.split("-")[0];
  const all = [`test/${folder}/**/*.test.ts`];
  if (replaced[folder] && options.later) return [];
  return [
    {
      extends: true as const,
      test: {
        name,
        include: replaced[folder] ? [replaced[folder]] : (options.include ?? all),
        exclude: options.exclude,
        testTimeout: timeout,
        hookTimeout: timeout,
        fileParallelism: options.parallel ?? false,
        // The tiers run one after the other, because some of their tests measure time.
        sequence: { groupOrder: order },
      },
    },
  ];
};

/** Tests of the images that all others use. The other tests mostly wait for containers and builds. */
const CONTENTS = ["test/images/images.test.ts"];

/** Tests that measure time. Only one file of a project may use port 443, which the emulated ECR needs. */
const TIMED = ["test/aws/aws.test.ts"];

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: process.env.CI ? ["default", ["json", { outputFile: ".reports/vitest.json" }]] : ["default"],
    projects: [
      ...tier("unit", 0, minutes(0.5), { parallel: true }),
      ...tier("images", 1, minutes(15), { include: CONTENTS }),
      ...tier("images-more", 2, minutes(15), { exclude: CONTENTS, parallel: true, later: true }),
      ...tier("stack", 3, minutes(20)),
      // These tests mostly wait for tasks.
      ...tier("aws-services", 4, minutes(10), { exclude: TIMED, parallel: true }),
      ...tier("aws-stacks", 5, minutes(10), { include: TIMED, later: true }),
    ],
  },
});
