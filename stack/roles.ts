import { APPLICATION } from "./app/application";
import type { ImageName } from "./images/catalog";

/** A role of the application. Each flag creates what it names, on every platform that has it. */
export interface Role {
  /** Name of the service. A scaled role has the settings `aws.NAME`. */
  name: string;
  /** Process that the image starts: a command of `images/runtime/entrypoint.py`. */
  process: "api" | "worker" | "beat";
  /** GPU on AWS: always, never, or as the setting `aws.NAME.gpu` says. */
  gpu: "required" | "optional" | "none";
  /** Image that runs on a GPU. Without a GPU every role runs the CPU image. */
  gpuImage?: ImageName;
  /** Celery queues that it consumes. They create its backlog metric and alarms, and its scaling by backlog. */
  queues: readonly string[];
  /** The load balancer forwards requests to it: target group, security group rules, and scaling by requests. */
  loadBalanced: boolean;
  /** Application Auto Scaling sets the number of tasks: scaling target and policies, and the settings `aws.NAME`. */
  scaled: boolean;
  /** A task protects itself from scale-in while it runs a job: IAM policy, and the worker pool that asks for the protection. */
  scaleInProtection: boolean;
  /** At most one task runs at any time: the old one stops before the new one starts. */
  singleton: boolean;
  /** Mounts the model volume. */
  modelVolume: boolean;
  /** Publishes the backlog metrics of the roles that consume queues. */
  publishesBacklog: boolean;
  /** Size and number of tasks on AWS. They are the defaults of the settings of a scaled role. */
  aws: {
    /** CPU units, 1024 for one vCPU. */
    cpu: number;
    /** MiB */
    memory: number;
    minTasks: number;
    maxTasks: number;
    /** Seconds between SIGTERM and SIGKILL. */
    stopTimeout: number;
  };
  /** Limits on the Docker engine of this machine. */
  docker: {
    /** MB */
    memory: number;
    /** Seconds between SIGTERM and SIGKILL. */
    stopTimeout: number;
  };
}

/** The roles of the application: the one table that every platform reads. */
export const ROLES = [
  {
    name: "api",
    process: "api",
    gpu: "optional",
    gpuImage: "api",
    queues: [],
    loadBalanced: true,
    scaled: true,
    scaleInProtection: false,
    singleton: false,
    modelVolume: true,
    publishesBacklog: false,
    aws: { cpu: 2048, memory: 8192, minTasks: 1, maxTasks: 2, stopTimeout: APPLICATION.maximumRequestSeconds },
    docker: { memory: 4096, stopTimeout: 10 },
  },
  {
    name: "worker",
    process: "worker",
    gpu: "required",
    gpuImage: "worker",
    queues: APPLICATION.queues.jobs,
    loadBalanced: false,
    scaled: true,
    scaleInProtection: true,
    singleton: false,
    modelVolume: true,
    publishesBacklog: false,
    aws: { cpu: 3072, memory: 12_288, minTasks: 0, maxTasks: 1, stopTimeout: 3600 },
    docker: { memory: 8192, stopTimeout: 600 },
  },
  {
    name: "beat",
    process: "beat",
    gpu: "none",
    queues: [],
    loadBalanced: false,
    scaled: false,
    scaleInProtection: false,
    singleton: true, // two schedulers would run every schedule twice
    modelVolume: false,
    publishesBacklog: true,
    aws: { cpu: 256, memory: 1024, minTasks: 1, maxTasks: 1, stopTimeout: 30 },
    docker: { memory: 512, stopTimeout: 10 },
  },
] as const satisfies readonly Role[];

export type RoleName = (typeof ROLES)[number]["name"];

/** Roles that have settings of their own. */
export type ScaledRoleName = Extract<(typeof ROLES)[number], { scaled: true }>["name"];

/** Queues of each role that consumes any, by the name of the role. */
export const QUEUES_BY_ROLE: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ROLES.filter(({ queues }) => queues.length > 0).map(({ name, queues }) => [name, queues]),
);

/** The role that receives requests: exactly one role is load-balanced. */
export const LOAD_BALANCED_ROLE = ROLES.find(({ loadBalanced }) => loadBalanced)!;
