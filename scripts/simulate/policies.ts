import { capacitySteps } from "../../stack/aws/service/scaling-steps";
import type { Events } from "./events";
import type { Workers } from "./workers";

/** Limits of the simulated workers. */
export const LIMITS = { minTasks: 0, maxTasks: 10, backlogPerTask: 4 };
/** Seconds between two publications of beat, and between two evaluations of an alarm. */
const [PUBLISH_S, EVALUATE_S] = [30, 60];

/** Sets the desired count. Started once, before the first job. */
export type Policy = (workers: Workers, events: Events, set: (count: number) => void) => void;

const clamp = (count: number): number => Math.min(Math.max(count, LIMITS.minTasks), LIMITS.maxTasks);

/** The number of workers that are needed now, as in images/runtime/wanted_tasks.py. */
export const needed = ({ queued, busy }: Workers): number =>
  clamp(Math.max(busy, Math.ceil((queued + busy) / LIMITS.backlogPerTask)));

/** The policy of the stack with some scale-in delay in seconds. */
export const exactCapacity =
  (delay: number): Policy =>
  (workers, events, set) => {
    const steps = capacitySteps(LIMITS.minTasks, LIMITS.maxTasks);
    let recent: { time: number; count: number }[] = [];
    const published: number[] = [];
    events.every(PUBLISH_S, () => {
      recent = [
        ...recent.filter(({ time }) => time >= events.now - delay),
        { time: events.now, count: needed(workers) },
      ];
      published.push(Math.max(...recent.map(({ count }) => count)));
    });
    events.every(EVALUATE_S, () => {
      const value = Math.max(...published.splice(0));
      set(steps.find(({ to = Infinity }) => value < to)!.capacity);
    });
  };

/**
 * Target tracking on the jobs per running task, and a step policy for the first worker, with the times of Application Auto Scaling: 3 data
 * points above the target for a scale-out, 15 data points below 90 % of it for a scale-in. The capacity is proportional to the metric. On
 * AWS the first worker did not start, because Container Insights publishes nothing for a service without tasks; here it does.
 */
export const targetTracking =
  ({ scaleOut, scaleIn }: { scaleOut: number; scaleIn: number }): Policy =>
  (workers, events, set) => {
    let [above, below, atZero, outAt, inAt] = [0, 0, 0, -Infinity, -Infinity];
    events.every(EVALUATE_S, () => {
      const { desired, queued, busy } = workers;
      const each = (queued + busy) / Math.max(workers.running, 1);
      const proportional = clamp(Math.ceil((desired * each) / LIMITS.backlogPerTask));
      above = each > LIMITS.backlogPerTask ? above + 1 : 0;
      below = each < 0.9 * LIMITS.backlogPerTask ? below + 1 : 0;
      atZero = desired === 0 && queued > 0 ? atZero + 1 : 0;
      if (atZero >= 3) set(1);
      else if (above >= 3 && proportional > desired && events.now >= outAt + scaleOut) {
        outAt = events.now;
        set(proportional);
      } else if (below >= 15 && proportional < desired && events.now >= Math.max(inAt, outAt) + scaleIn) {
        inAt = events.now;
        set(proportional);
      }
    });
  };
