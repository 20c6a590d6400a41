/** The state of a stack, as `npm run status` reads it. `--json` prints it. Times are in ISO 8601, in UTC. */
export interface Status {
  stack: string;
  platform: "aws" | "docker";
  /** AWS Region. */
  region?: string;
  time: string;
  roles: Section<RoleStatus[]>;
  /** The other containers of the platform docker. */
  containers?: Section<ContainerStatus[]>;
  /** For each role, the deployment in progress and the last one that failed. */
  deployments?: Section<DeploymentStatus[]>;
  /** Roles with tasks that wait for an instance. */
  waiting?: Section<WaitingTasks[]>;
  /** Roles that consume queues. */
  queues: Section<QueueStatus[]>;
  instances?: Section<InstanceStatus[]>;
  /** Nodes of Redis. */
  redis?: Section<RedisNode[]>;
  /** Alarms of the stack in the state ALARM. */
  alarms?: Section<AlarmStatus[]>;
}

/** Data, or why it could not be read. */
export type Section<T> = { data: T } | { unknown: string };

export interface RoleStatus extends Running {
  role: string;
  /** Number of tasks. */
  desired: number;
  running: number;
  healthy: number;
  minTasks: number;
  /** Why the role runs no task, or why its container is not healthy. */
  problem?: string;
}

/** What a role runs. */
export interface Running {
  /** Digest of the image. Undefined if the image is named by a tag. */
  digest?: string;
  /** ID of the release that contains the image. Undefined if it is in no release. */
  release?: string;
}

export interface ContainerStatus {
  name: string;
  /** `healthy`, or the state of the container. */
  health: string;
}

export interface DeploymentStatus {
  role: string;
  state: "in progress" | "failed";
  startedAt?: string;
  finishedAt?: string;
  /** Whether no later deployment has succeeded. */
  isLatest: boolean;
  /** Number of tasks of a deployment in progress that failed. */
  failedTasks?: number;
  reason: string;
  /** Why tasks stopped, and the last lines of the log. */
  details: string[];
}

export interface WaitingTasks {
  role: string;
  tasks: number;
  /** Why no instance starts. Empty if Auto Scaling has no problem. */
  reasons: string[];
}

export interface QueueStatus {
  role: string;
  /** Waiting and running jobs. Undefined if beat has published no metric within the last minutes. */
  jobs?: number;
  /** Known on the platform docker only. */
  runningJobs?: number;
  /** Seconds for which the next job has waited. Known on AWS only. */
  age?: number;
  /** Tasks that the role needs for its jobs. Known on AWS only. */
  wantedTasks?: number;
  /** Jobs for which the maximum number of tasks is enough. */
  capacity?: number;
  maxTasks?: number;
}

export interface InstanceStatus {
  id: string;
  type: string;
  zone: string;
  ami: string;
  gpus: number;
  freeGpus: number;
  /** Status of the container instance in ECS, such as `ACTIVE` or `DRAINING`. */
  status: string;
  /** Whether the ECS agent is connected. Without it, ECS starts no task on the instance. */
  agentConnected: boolean;
}

export interface RedisNode {
  node: string;
  /** Used memory in percent. Undefined if CloudWatch has no value of the last minutes. */
  memory?: number;
}

export interface AlarmStatus {
  name: string;
  description: string;
  since?: string;
}

/** Something that is not well, and the command to run next. */
export interface Problem {
  problem: string;
  next: string;
}

/** The data of a section. Empty if it could not be read. */
export const dataOf = <T>(section: Section<T[]> | undefined): T[] => (section && "data" in section ? section.data : []);
