/** Events in the order of their time. Events of the same time keep the order in which they were added. */
export class Events {
  /** Seconds since the start. */
  now = 0;
  private readonly waiting: { time: number; run: () => void }[] = [];

  /** Adds an event. `delay`: seconds from now. */
  after(delay: number, run: () => void): void {
    const time = this.now + delay;
    let [low, high] = [0, this.waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // The next event is the last of the list.
      if (this.waiting[middle].time > time) low = middle + 1;
      else high = middle;
    }
    this.waiting.splice(low, 0, { time, run });
  }

  /** Runs a function now, and then at an interval in seconds. */
  every(interval: number, run: () => void): void {
    run();
    this.after(interval, () => this.every(interval, run));
  }

  /** Runs the events up to a time. */
  runUntil(end: number): void {
    for (let next = this.waiting.pop(); next; next = this.waiting.pop()) {
      if (next.time > end) return;
      this.now = next.time;
      next.run();
    }
  }
}
