import { APPLICATION } from "./app/application";
import type { ImageName } from "./images/catalog";

/** A role of the application, such as the API. Its flags decide which resources each platform creates for it. */
export interface Role {
  /** Name of the service. A scaled role has the settings `aws.NAME`. */
  name: string;
  /** Process that the image starts: a command of `images/runtime/entrypoint.py`. */
  process: "api" | "worker" | "beat";
  /** Whether the tasks of the role have a GPU on AWS. `optional`: the setting `aws.NAME.gpu` decides. */
  gpu: "required" | "optional" | "none";
  /** Image to run on a GPU. Without a GPU, each role runs the CPU image. */
  gpuImage?: ImageName;
  /** Celery queues that the role consumes. If there are any, the role gets backlog metrics, backlog alarms, and scaling by backlog. */
  queues: readonly string[];
  /** The load balancer forwards requests to the role. It gets a target group, security group rules, and scaling by requests. */
  loadBalanced: boolean;
  /** Application Auto Scaling sets the number of tasks. The role gets scaling policies, and the settings `aws.NAME`. */
  scaled: boolean;
  /**
   * A task protects itself from scale-in while it runs a job. The role gets the IAM permission and a worker pool that requests the
   * protection.
   */
  scaleInProtection: boolean;
  /** At most one task runs at any time: the old one stops before the new one starts. */
  singleton: boolean;
  /**
   * Step of an update on AWS in which the service is updated. The services of a step are updated at the same time, after those of the earlier
   * steps are verified.
   */
  rolloutStep: 1 | 2;
  /** Mounts the model volume. */
  modelVolume: boolean;
  /** Publishes the backlog metrics of the roles that consume queues. */
  publishesBacklog: boolean;
  /** Size and number of tasks on AWS. For a scaled role, these are the defaults of its settings. */
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
    /** MiB */
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
    rolloutStep: 1,
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
    rolloutStep: 2,
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
    rolloutStep: 1,
    modelVolume: false,
    publishesBacklog: true,
    aws: { cpu: 256, memory: 1024, minTasks: 1, maxTasks: 1, stopTimeout: 30 },
    docker: { memory: 512, stopTimeout: 10 },
  },
] as const satisfies readonly Role[];

export type RoleName = (typeof ROLES)[number]["name"];

/** Roles that have settings of their own. */
export type ScaledRoleName = Extract<(typeof ROLES)[number], { scaled: true }>["name"];

/** Image of a role, with or without a GPU. */
export const imageOf = ({ gpuImage }: Role, gpu: boolean): ImageName => (gpu && gpuImage) || "cpu";

/** The images that all roles together run, with or without a GPU. */
export const imagesOf = (gpu: boolean): ImageName[] => [...new Set(ROLES.map((role) => imageOf(role, gpu)))];

/** The role that receives requests. Exactly one role is load-balanced. */
export const LOAD_BALANCED_ROLE = ROLES.find(({ loadBalanced }) => loadBalanced)!;
