import type { Task, TaskStopCode } from "@aws-sdk/client-ecs";
import { isHealthy } from "./deployment-state";
import { describeTasks } from "./service-client";

/** Reasons for the end of a task that are the fault of its image or its settings. Scale-in and the loss of an instance are not. */
const FAILED_STOP_CODES: TaskStopCode[] = ["EssentialContainerExited", "TaskFailedToStart"];
const FAILED_REASON = /failed (container|ELB) health checks/i;

/**
 * Watches the new tasks until they have been healthy for the bake time. ECS completes a deployment as soon as all new tasks are healthy, and
 * its circuit breaker counts only tasks that have never been healthy.
 */
export class BakeTime {
  private healthySince?: number;
  private healthy: Task[] = [];

  /** @param seconds - time for which all new tasks must be healthy */
  constructor(
    private readonly cluster: string,
    private readonly seconds: number,
  ) {}

  /** Starts the bake time, if it has not started. @param since - milliseconds since 1970; default: now */
  start(since = Date.now()): void {
    this.healthySince ??= since;
  }

  get isOver(): boolean {
    return this.healthySince !== undefined && Date.now() - this.healthySince >= this.seconds * 1000;
  }

  /** A new task that was healthy and has failed. After the bake time, none is returned. @param tasks - the new tasks */
  async failedTask(tasks: readonly Task[]): Promise<Task | undefined> {
    if (this.isOver) return undefined;
    const current = new Map(tasks.map((task) => [task.taskArn, task]));
    const gone = this.healthy.filter(({ taskArn }) => !current.has(taskArn)).map(({ taskArn = "" }) => taskArn);
    const stopped = (await describeTasks(this.cluster, gone)).find(hasFailed);
    const unhealthy = this.healthy
      .map(({ taskArn }) => current.get(taskArn))
      .find((task) => task?.healthStatus === "UNHEALTHY");
    this.healthy = tasks.filter(isHealthy);
    return stopped ?? unhealthy;
  }
}

const hasFailed = ({ stopCode, stoppedReason = "" }: Task): boolean =>
  (stopCode !== undefined && FAILED_STOP_CODES.includes(stopCode)) || FAILED_REASON.test(stoppedReason);
