/** Sends one request after the other, at most ten per second. */
export class Load {
  private sent = 0;
  private failed = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  /** @param request - sends one request; whether it succeeded. A rejection is a failure. */
  constructor(private readonly request: () => Promise<boolean>) {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    for (; !this.stopped; await new Promise((resolve) => setTimeout(resolve, 100))) {
      this.sent++;
      if (!(await this.request().catch(() => false))) this.failed++;
    }
  }

  async stop(): Promise<{ sent: number; failed: number }> {
    this.stopped = true;
    await this.running;
    return { sent: this.sent, failed: this.failed };
  }
}
