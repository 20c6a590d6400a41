/**
 * Seconds before the number of workers falls after fewer are needed. beat waits, not Application Auto Scaling: a GPU instance takes minutes
 * to start, and the number must not fall because beat was restarted. Source: the table in docs/scaling.md.
 */
export const SCALE_IN_DELAY_S = 300;

/**
 * Maximum number of step adjustments of a policy. Source: Quotas for Application Auto Scaling, "Step adjustments per step scaling policy",
 * https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html
 */
export const MAXIMUM_STEPS = 20;

/** A step: the capacity for metric values that are at most this capacity, and above the one of the previous step. */
export interface Step {
  /** Lower bound of the metric, inclusive. */
  from: number;
  /** Upper bound of the metric, exclusive. The last step has none. */
  to?: number;
  capacity: number;
}

/**
 * Steps that set the capacity to the value of a metric, from a minimum to a maximum. Up to 20 capacities are exact. If there are more, a
 * step is a range of values and sets the capacity to the highest of them. The ranges are as narrow as possible, in percent of their
 * values: the minimum and the first capacities above it are exact.
 */
export function capacitySteps(minimum: number, maximum: number): Step[] {
  let percent = 0;
  while (capacities(minimum, maximum, percent).length > MAXIMUM_STEPS) percent++;
  return capacities(minimum, maximum, percent).map((capacity, i, all) => ({
    from: i === 0 ? 0 : all[i - 1] + 1,
    to: i === all.length - 1 ? undefined : capacity + 1,
    capacity,
  }));
}

/** Capacities of which each is at most some percent above the lowest value of its range. */
function capacities(minimum: number, maximum: number, percent: number): number[] {
  const found = [minimum];
  for (let last = minimum; last < maximum; found.push(last)) {
    last = Math.min(Math.floor(((last + 1) * (100 + percent)) / 100), maximum);
  }
  return found;
}
