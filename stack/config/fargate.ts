/**
 * Memory in MiB that Fargate allows for each number of CPU units: minimum, maximum, step. 256 units also allow 512.
 * Source: Amazon ECS task definition parameters for Fargate, "Task size",
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
 */
const SIZES: Readonly<Record<number, readonly [minimum: number, maximum: number, step: number]>> = {
  256: [1024, 2048, 1024],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16_384: [32_768, 122_880, 8192],
};

/** Maximum seconds between SIGTERM and SIGKILL, from the same page. */
const MAXIMUM_STOP_TIMEOUT_S = 120;

/** Why Fargate does not accept a task size, with the remedy. Returns undefined if it does. */
export function fargateProblem({ cpu, memory }: { cpu: number; memory: number }): string | undefined {
  const size = SIZES[cpu];
  if (!size) return `Fargate does not support ${cpu} CPU units: use one of ${Object.keys(SIZES).join(", ")}`;
  const [minimum, maximum, step] = size;
  if (cpu === 256 && memory === 512) return undefined;
  if (memory >= minimum && memory <= maximum && (memory - minimum) % step === 0) return undefined;
  return `with ${cpu} CPU units, Fargate supports ${minimum} to ${maximum} MiB in steps of ${step}`;
}

/** Why Fargate does not accept a stop timeout in seconds. Returns undefined if it does. */
export const stopTimeoutProblem = (stopTimeout: number): string | undefined =>
  stopTimeout > MAXIMUM_STOP_TIMEOUT_S ? `Fargate supports at most ${MAXIMUM_STOP_TIMEOUT_S} seconds` : undefined;
