import { capacityReasons } from "./capacity-reasons";

/** Seconds between two reads of the scaling activities. A reason is so logged within a minute. */
const INTERVAL_S = 20;

/** Logs why no instance starts for tasks that wait for one: each reason once. */
export class CapacityLog {
  private lastRead = 0;
  private reasons: string[] = [];

  /** @param since - earlier scaling activities are ignored; default: now */
  constructor(
    private readonly cluster: string,
    private readonly log: (line: string) => void,
    private readonly since = new Date(),
  ) {}

  /** The reasons at the last read. */
  get current(): readonly string[] {
    return this.reasons;
  }

  /** Reads the scaling activities if the last read was some time ago. @param waiting - whether tasks wait for an instance */
  async update(waiting: boolean): Promise<void> {
    if (!waiting) this.reasons = [];
    if (!waiting || Date.now() - this.lastRead < INTERVAL_S * 1000) return;
    this.lastRead = Date.now();
    const before = this.reasons;
    this.reasons = await capacityReasons({ cluster: this.cluster, since: this.since });
    this.reasons.filter((reason) => !before.includes(reason)).forEach(this.log);
  }
}
