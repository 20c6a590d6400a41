/**
 * Memory in MiB that Fargate allows for each count of CPU units: least, most, step. 256 units allow 512 besides.
 * Source: Amazon ECS task definition parameters for Fargate, "Task size",
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
 */
const SIZES: Readonly<Record<number, readonly [least: number, most: number, step: number]>> = {
  256: [1024, 2048, 1024],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16_384: [32_768, 122_880, 8192],
};

/** What Fargate has against a task's size, with the remedy. */
export function fargateProblem({ cpu, memory }: { cpu: number; memory: number }): string | undefined {
  const size = SIZES[cpu];
  if (!size) return `Fargate has no task with ${cpu} CPU units: it has ${Object.keys(SIZES).join(", ")}`;
  const [least, most, step] = size;
  if (cpu === 256 && memory === 512) return undefined;
  if (memory >= least && memory <= most && (memory - least) % step === 0) return undefined;
  return `Fargate gives a task with ${cpu} CPU units ${least} to ${most} MiB in steps of ${step}`;
}
