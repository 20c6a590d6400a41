/** A job: when it arrives, and how long it runs, in seconds. */
export interface Job {
  arrival: number;
  duration: number;
}

const HOUR = 3600;
export const DAY = 24 * HOUR;

/**
 * Assumptions about the jobs of a day: some single jobs in working hours, and bursts. Not measured.
 * `duration`: median in seconds, and the standard deviation of its logarithm.
 */
export const WORKLOAD = {
  workingHours: { from: 8, to: 20 },
  singleJobsPerHour: 6,
  burstsPerDay: 8,
  burst: { minimum: 5, maximum: 40, seconds: 60 },
  duration: { median: 60, deviation: 0.6 },
} as const;

/** Random numbers from 0 to 1 by a seed: the generator mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The jobs of some days, in the order of their arrival. */
export function workload(seed: number, days: number): Job[] {
  const random = randomNumbers(seed);
  const between = (minimum: number, maximum: number) => minimum + random() * (maximum - minimum);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const { workingHours, singleJobsPerHour, burstsPerDay, burst, duration } = WORKLOAD;
  const job = (arrival: number): Job => ({
    arrival,
    duration: duration.median * Math.exp(duration.deviation * normal()),
  });
  const jobs: Job[] = [];
  for (let day = 0; day < days; day++) {
    const time = () => day * DAY + between(workingHours.from * HOUR, workingHours.to * HOUR);
    const singleJobs = singleJobsPerHour * (workingHours.to - workingHours.from);
    for (let i = 0; i < singleJobs; i++) jobs.push(job(time()));
    for (let i = 0; i < burstsPerDay; i++) {
      const [start, size] = [time(), Math.round(between(burst.minimum, burst.maximum))];
      for (let j = 0; j < size; j++) jobs.push(job(start + random() * burst.seconds));
    }
  }
  return jobs.sort((a, b) => a.arrival - b.arrival);
}
