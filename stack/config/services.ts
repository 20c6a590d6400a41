import type { ImageName } from "../images/catalog";
import { imageOf, ROLES, type Role, type RoleName } from "../roles";
import type { AwsSettings, ServiceSettings } from "./aws-schema";
import { DEFAULT_SHARED_MEMORY_MIB } from "./shared-memory";

/** A role as an ECS service: its flags, with the size and number of tasks from the settings. */
export interface ServiceSpec {
  name: RoleName;
  role: Role;
  image: ImageName;
  /** Whether tasks run on GPU instances instead of Fargate. */
  gpu: boolean;
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** Size of `/dev/shm` in MiB. */
  sharedMemorySize: number;
  /** GPU memory that a task needs in MiB. 0: not checked. */
  gpuMemory: number;
  minTasks: number;
  maxTasks: number;
  /** Seconds between SIGTERM and SIGKILL. */
  stopTimeout: number;
  /** Requests per minute and task. Only load-balanced roles have it. */
  requestsPerTarget?: number;
  /** Seconds that 5 % of the requests may exceed. Only load-balanced roles have it. */
  p95Latency?: number;
  /** Jobs per task. Only roles that consume queues have it. */
  backlogPerTask?: number;
}

/** The ECS services of the stack, in the order of the roles table. */
export function serviceSpecs(aws: AwsSettings): ServiceSpec[] {
  return ROLES.map((role: Role & { name: RoleName }) => {
    const settings: ServiceSettings | undefined = (aws as Partial<Record<RoleName, ServiceSettings>>)[role.name];
    const gpu = role.gpu === "required" || (role.gpu === "optional" && settings?.gpu === true);
    return {
      gpuMemory: 0,
      sharedMemorySize: DEFAULT_SHARED_MEMORY_MIB,
      ...role.aws,
      ...settings,
      stopTimeout: settings?.stopTimeout ?? role.aws.stopTimeout,
      name: role.name,
      role,
      gpu,
      image: imageOf(role, gpu),
    };
  });
}

/** The roles of each step of an update. The steps follow each other. */
export function rolloutSteps(): RoleName[][] {
  const roles: readonly (Role & { name: RoleName })[] = ROLES;
  const steps = [...new Set(roles.map(({ rolloutStep }) => rolloutStep))].sort((a, b) => a - b);
  return steps.map((step) => roles.filter(({ rolloutStep }) => rolloutStep === step).map(({ name }) => name));
}

/**
 * Seconds within which the replacement of GPU instances must make progress: a new instance starts, and the tasks on an old one finish their
 * jobs.
 * @param healthTimeout - seconds within which all services must be healthy
 */
export const replacementTimeout = (healthTimeout: number, services: readonly ServiceSpec[]): number =>
  healthTimeout + Math.max(...services.map(({ stopTimeout }) => stopTimeout));

/** Maximum number of tasks during a deployment, in percent of the desired count. */
export const maximumPercent = ({ singleton }: Pick<Role, "singleton">): number => (singleton ? 100 : 200);

/** Number of tasks during a deployment with the maximum number of tasks: old and new tasks run side by side. */
export const maximumTasks = ({ role, maxTasks }: ServiceSpec): number =>
  Math.floor((maxTasks * maximumPercent(role)) / 100);
