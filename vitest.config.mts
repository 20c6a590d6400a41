import { spawnSync } from "node:child_process";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

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
  /** Number of test files that run at the same time. The tiers of a group have the same number. Default: 1. */
  workers?: number;
  /** Whether the tier has an earlier part, which reports a missing engine or emulator. */
  later?: boolean;
}

/** A tier, or a part of it with the name `TIER-PART`. The groups run one after the other: some tests measure time, or use the whole engine. */
const tier = (name: string, group: number, timeout: number, options: Options = {}) => {
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
        fileParallelism: (options.workers ?? 1) > 1,
        maxWorkers: options.workers ?? 1,
        sequence: { groupOrder: group },
      },
    },
  ];
};

/** Tests of the images that all others use. The other tests mostly wait for containers and builds. */
const CONTENTS = ["test/images/images.test.ts"];

/** Tests that measure time. Only one file of a group may use port 443, which the emulated ECR needs. */
const TIMED = ["test/aws/aws.test.ts"];

/**
 * Tests that use no Docker engine. They run beside the tier stack, which compares all containers of the engine, and empties its build
 * cache.
 */
const WITHOUT_ENGINE = ["capacity", "image-scan", "policy", "protection", "releases", "workflows"].map(
  (name) => `test/aws/${name}.test.ts`,
);

/** The longest file. If it did not start first, it would run alone at the end. */
const LONGEST = "test/aws/cloud.test.ts";

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) => Number(moduleId.endsWith(LONGEST));
    return (await super.sort(files)).sort((a, b) => isLongest(b) - isLongest(a));
  }
}

export default defineConfig({
  test: {
    reporters: process.env.CI ? ["default", ["json", { outputFile: ".reports/vitest.json" }]] : ["default"],
    sequence: { sequencer: LongestFirst },
    projects: [
      ...tier("unit", 0, minutes(0.5), { workers: 2 }),
      ...tier("images", 1, minutes(15), { include: CONTENTS }),
      ...tier("stack", 2, minutes(20), { workers: 2 }),
      ...tier("aws-programs", 2, minutes(10), { include: WITHOUT_ENGINE, workers: 2, later: true }),
      // These tests mostly wait for containers.
      ...tier("images-more", 3, minutes(15), { exclude: CONTENTS, workers: 3, later: true }),
      ...tier("aws-services", 3, minutes(10), { exclude: [...TIMED, ...WITHOUT_ENGINE], workers: 3 }),
      ...tier("aws-stacks", 4, minutes(10), { include: TIMED, later: true }),
    ],
  },
});
