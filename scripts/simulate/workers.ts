import type { Events } from "./events";
import { randomNumbers, type Job } from "./workload";

/** Seconds of the parts that scaling waits for. */
export const TIMES = {
  /** From the request of a GPU instance to its registration in the cluster: 5 to 10 minutes with the start of the first task. */
  instanceStart: { minimum: 240, maximum: 540 },
  /** Start of a worker on an instance that runs. */
  workerStart: 60,
  /**
   * An instance without tasks is terminated. Source: managed scaling scales in after 15 data points of a minute, Amazon ECS Developer Guide,
   * "Automatically manage Amazon ECS capacity with cluster auto scaling".
   */
  instanceIdle: 900,
};

interface Instance {
  requested: number;
  isReady: boolean;
  emptySince: number;
  worker?: Worker;
  hasRunJob: boolean;
}

interface Worker {
  instance?: Instance;
  isRunning: boolean;
  job?: Job;
}

/** An ECS service of workers on GPU instances with one GPU each. A worker that runs a job is protected from scale-in. */
export class Workers {
  desired = 0;
  /** Seconds that each job waited. */
  readonly waits: number[] = [];
  /** Seconds that all instances existed. */
  instanceSeconds = 0;
  instancesStarted = 0;
  /** Instances that were terminated without having run a job. */
  unused = 0;
  private readonly queue: Job[] = [];
  private workers: Worker[] = [];
  private instances: Instance[] = [];
  private readonly random = randomNumbers(1);

  constructor(private readonly events: Events) {}

  get queued(): number {
    return this.queue.length;
  }

  get busy(): number {
    return this.workers.filter(({ job }) => job).length;
  }

  get running(): number {
    return this.workers.filter(({ isRunning }) => isRunning).length;
  }

  add(job: Job): void {
    this.queue.push(job);
    this.assign();
  }

  setDesired(count: number): void {
    this.desired = count;
    this.reconcile();
  }

  /** Starts and stops workers, at first those that wait for an instance. */
  private reconcile(): void {
    while (this.workers.length < this.desired) {
      this.workers.push({ isRunning: false });
    }
    const stoppable = [
      ...this.workers.filter(({ instance }) => !instance),
      ...this.workers.filter(({ instance, job }) => instance && !job).reverse(),
    ];
    for (const worker of stoppable.slice(0, Math.max(this.workers.length - this.desired, 0))) this.stop(worker);
    this.place();
  }

  private stop(worker: Worker): void {
    this.workers = this.workers.filter((one) => one !== worker);
    const { instance } = worker;
    if (!instance) return;
    instance.worker = undefined;
    instance.emptySince = this.events.now;
    this.terminateIfIdle(instance);
  }

  /** Places workers on instances without one, and requests instances for the others. */
  private place(): void {
    const waiting = this.workers.filter(({ instance }) => !instance);
    for (const instance of this.instances.filter(({ isReady, worker }) => isReady && !worker)) {
      const worker = waiting.shift();
      if (!worker) return;
      [worker.instance, instance.worker] = [instance, worker];
      this.events.after(TIMES.workerStart, () => this.started(worker));
    }
    const starting = this.instances.filter(({ isReady }) => !isReady).length;
    for (let i = starting; i < waiting.length; i++) this.requestInstance();
  }

  private requestInstance(): void {
    const instance: Instance = { requested: this.events.now, isReady: false, emptySince: 0, hasRunJob: false };
    const { minimum, maximum } = TIMES.instanceStart;
    this.instances.push(instance);
    this.instancesStarted++;
    this.events.after(minimum + this.random() * (maximum - minimum), () => {
      instance.isReady = true;
      instance.emptySince = this.events.now;
      this.place();
      this.terminateIfIdle(instance);
    });
  }

  private terminateIfIdle(instance: Instance): void {
    const { emptySince } = instance;
    if (instance.worker) return;
    this.events.after(TIMES.instanceIdle, () => {
      if (instance.worker || instance.emptySince !== emptySince) return;
      this.instances = this.instances.filter((one) => one !== instance);
      this.end(instance);
    });
  }

  private end(instance: Instance): void {
    this.instanceSeconds += this.events.now - instance.requested;
    if (!instance.hasRunJob) this.unused++;
  }

  private started(worker: Worker): void {
    if (!this.workers.includes(worker)) return;
    worker.isRunning = true;
    this.assign();
  }

  /** Gives waiting jobs to idle workers. */
  private assign(): void {
    for (const worker of this.workers.filter(({ isRunning, job }) => isRunning && !job)) {
      const job = this.queue.shift();
      if (!job) return;
      this.waits.push(this.events.now - job.arrival);
      worker.job = job;
      worker.instance!.hasRunJob = true;
      this.events.after(job.duration, () => {
        worker.job = undefined;
        this.reconcile(); // the worker is no longer protected
        this.assign();
      });
    }
  }

  /** Ends the instances that still exist. */
  finish(): void {
    this.instances.forEach((instance) => this.end(instance));
  }
}
