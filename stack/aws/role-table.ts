import type { ImageName } from "../images/table";
import { IDLE_S } from "./timeouts";
import type { AwsSettings } from "../settings/aws";

/** A role of the application, as it runs on AWS. */
export interface Role {
  name: "api" | "worker" | "beat";
  image: ImageName;
  /** Whether it runs on a GPU host, instead of Fargate. */
  onGpu: boolean;
  /** CPU units, 1024 for one vCPU. */
  cpu: number;
  /** MiB */
  memory: number;
  /** MiB of GPU memory; 0: not checked. */
  gpuMemory: number;
  /** Tasks at the start. */
  tasks: number;
  /** Most tasks. */
  maxTasks: number;
  /** Whether something else changes the count of tasks. */
  scaled: boolean;
  /** Whether the old task must end before the new one starts. */
  single: boolean;
  /** Whether the load balancer sends requests to it. */
  balanced: boolean;
  /** Whether it reads models. */
  models: boolean;
  /** Whether it protects itself from scale-in while it runs a job. */
  protects: boolean;
  /** Seconds that it has to end after SIGTERM. */
  stopTimeout: number;
  env: Record<string, string>;
}

/** The roles of the application: the image of each, where it runs, and how many of it. */
export function roles({ api, worker, network }: AwsSettings): readonly Role[] {
  return [
    {
      name: "api",
      image: api.gpu ? "api" : "cpu",
      onGpu: api.gpu,
      cpu: api.cpu,
      memory: api.memory,
      gpuMemory: api.gpuMemory,
      tasks: api.min,
      maxTasks: api.max,
      scaled: true,
      single: false,
      balanced: true,
      models: true,
      protects: false,
      stopTimeout: 120, // the longest request
      env: {
        // Else the limits for each client would hit all together: uvicorn believes the balancer's headers, and no other's.
        FORWARDED_ALLOW_IPS: network.cidr,
        // Longer than the balancer keeps an idle connection, or it answers 502 now and then.
        UVICORN_KEEP_ALIVE_S: String(IDLE_S + 10),
        // Within the stop timeout.
        UVICORN_GRACE_S: "115",
      },
    },
    {
      name: "worker",
      image: "worker",
      onGpu: true,
      cpu: worker.cpu,
      memory: worker.memory,
      gpuMemory: worker.gpuMemory,
      tasks: worker.min,
      maxTasks: worker.max,
      scaled: true,
      single: false,
      balanced: false,
      models: true,
      protects: true,
      stopTimeout: worker.stopTimeout,
      env: { SCALE_IN_PROTECTION: "1" },
    },
    {
      name: "beat",
      image: "cpu",
      onGpu: false,
      cpu: 256,
      memory: 1024,
      gpuMemory: 0,
      tasks: 1,
      maxTasks: 1,
      scaled: false,
      single: true, // two beats at once would run every schedule twice
      balanced: false,
      models: false,
      protects: false,
      stopTimeout: 30,
      env: {},
    },
  ];
}

/** Most tasks of a role during a deployment, in percent of its count. */
export const maximumPercent = ({ single }: { single?: boolean }): number => (single ? 100 : 200);
