/** An EC2 instance type with NVIDIA GPUs and x86_64 CPUs. */
export interface InstanceType {
  vcpus: number;
  /** MiB */
  memory: number;
  gpus: number;
  /** Maximum number of network interfaces. Only for types that have fewer than one for each GPU and one for the instance. */
  networkInterfaces?: number;
  /** MiB of each GPU, as the EC2 API reports it. */
  gpuMemory: number;
  /** USD per hour, on-demand, Linux, us-east-1. */
  price: number;
}

/**
 * Instance types for GPU tasks.
 * Sources: Amazon EC2 instance types, accelerated computing, https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html. Prices:
 * https://instances.vantage.sh, as of 2026-01-21.
 */
export const INSTANCE_TYPES = {
  "g4dn.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 16384, price: 0.526 },
  "g4dn.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 16384, price: 0.752 },
  "g4dn.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 16384, price: 1.204 },
  "g4dn.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 16384, price: 2.176 },
  "g4dn.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 16384, price: 3.912 },
  "g4dn.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 16384, price: 4.352 },
  "g5.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 24576, price: 1.006 },
  "g5.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 24576, price: 1.212 },
  "g5.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 24576, price: 1.624 },
  "g5.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 24576, price: 2.448 },
  "g5.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 24576, price: 5.672 },
  "g5.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 24576, price: 4.096 },
  "g5.24xlarge": { vcpus: 96, memory: 393216, gpus: 4, gpuMemory: 24576, price: 8.144 },
  "g5.48xlarge": { vcpus: 192, memory: 786432, gpus: 8, networkInterfaces: 7, gpuMemory: 24576, price: 16.288 },
  "g6.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 22888, price: 0.8048 },
  "g6.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 22888, price: 0.9776 },
  "g6.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 22888, price: 1.3232 },
  "g6.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 22888, price: 2.0144 },
  "g6.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 22888, price: 4.6016 },
  "g6.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 22888, price: 3.3968 },
  "g6.24xlarge": { vcpus: 96, memory: 393216, gpus: 4, gpuMemory: 22888, price: 6.6752 },
  "g6.48xlarge": { vcpus: 192, memory: 786432, gpus: 8, gpuMemory: 22888, price: 13.3504 },
  "g6e.xlarge": { vcpus: 4, memory: 32768, gpus: 1, gpuMemory: 45776, price: 1.861 },
  "g6e.2xlarge": { vcpus: 8, memory: 65536, gpus: 1, gpuMemory: 45776, price: 2.24208 },
  "g6e.4xlarge": { vcpus: 16, memory: 131072, gpus: 1, gpuMemory: 45776, price: 3.00424 },
  "g6e.8xlarge": { vcpus: 32, memory: 262144, gpus: 1, gpuMemory: 45776, price: 4.52856 },
  "g6e.12xlarge": { vcpus: 48, memory: 393216, gpus: 4, gpuMemory: 45776, price: 10.49264 },
  "g6e.16xlarge": { vcpus: 64, memory: 524288, gpus: 1, gpuMemory: 45776, price: 7.57719 },
  "g6e.24xlarge": { vcpus: 96, memory: 786432, gpus: 4, gpuMemory: 45776, price: 15.06559 },
  "g6e.48xlarge": { vcpus: 192, memory: 1572864, gpus: 8, gpuMemory: 45776, price: 30.13118 },
} as const satisfies Record<string, InstanceType>;

export type InstanceTypeName = keyof typeof INSTANCE_TYPES;

/** Whether the table has this instance type. */
export const isInstanceType = (name: string): name is InstanceTypeName => Object.hasOwn(INSTANCE_TYPES, name);
