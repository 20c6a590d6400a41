/** Seconds that a request may last: the longest inference takes 120. */
export const IDLE_S = 130;
