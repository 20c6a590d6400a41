import { UsageError } from "./command";

/** Seconds of each unit of a duration. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds of a duration such as `30s`, `10m`, `2h`, or `1d`.
 * @param option - name of the option, for the error message
 * @throws UsageError if the text is not a duration, or is 0.
 */
export function parseDuration(option: string, text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = Number(amount) * (UNITS[unit] ?? 0);
  if (!seconds)
    throw new UsageError(`${option} ${text}: use a number with the unit s, m, h, or d, as in 30s, 10m, 2h, or 1d`);
  return seconds;
}

/** A duration in its largest unit, as in `45 s` or `3 min`. @param seconds - 0 or more */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  const days = Math.floor(seconds / 86_400);
  return `${days} ${days === 1 ? "day" : "days"}`;
}
