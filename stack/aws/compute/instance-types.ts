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
}

/**
 * Instance types for GPU tasks.
 * Sources: Amazon EC2 instance types, accelerated computing, https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
 */
export const INSTANCE_TYPES = {
  "g4dn.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 16384 },
  "g4dn.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 16384 },
  "g4dn.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 16384 },
  "g4dn.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 16384 },
  "g4dn.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 16384 },
  "g4dn.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 16384 },
  "g5.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 24576 },
  "g5.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 24576 },
  "g5.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 24576 },
  "g5.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 24576 },
  "g5.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 24576 },
  "g5.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 24576 },
  "g5.24xlarge": { vcpus: 96, memory: 393216, gpus: 4, gpuMemory: 24576 },
  "g5.48xlarge": { vcpus: 192, memory: 786432, gpus: 8, networkInterfaces: 7, gpuMemory: 24576 },
  "g6.xlarge": { vcpus: 4, memory: 16384, gpus: 1, gpuMemory: 22888 },
  "g6.2xlarge": { vcpus: 8, memory: 32768, gpus: 1, gpuMemory: 22888 },
  "g6.4xlarge": { vcpus: 16, memory: 65536, gpus: 1, gpuMemory: 22888 },
  "g6.8xlarge": { vcpus: 32, memory: 131072, gpus: 1, gpuMemory: 22888 },
  "g6.12xlarge": { vcpus: 48, memory: 196608, gpus: 4, gpuMemory: 22888 },
  "g6.16xlarge": { vcpus: 64, memory: 262144, gpus: 1, gpuMemory: 22888 },
  "g6.24xlarge": { vcpus: 96, memory: 393216, gpus: 4, gpuMemory: 22888 },
  "g6.48xlarge": { vcpus: 192, memory: 786432, gpus: 8, gpuMemory: 22888 },
  "g6e.xlarge": { vcpus: 4, memory: 32768, gpus: 1, gpuMemory: 45776 },
  "g6e.2xlarge": { vcpus: 8, memory: 65536, gpus: 1, gpuMemory: 45776 },
  "g6e.4xlarge": { vcpus: 16, memory: 131072, gpus: 1, gpuMemory: 45776 },
  "g6e.8xlarge": { vcpus: 32, memory: 262144, gpus: 1, gpuMemory: 45776 },
  "g6e.12xlarge": { vcpus: 48, memory: 393216, gpus: 4, gpuMemory: 45776 },
  "g6e.16xlarge": { vcpus: 64, memory: 524288, gpus: 1, gpuMemory: 45776 },
  "g6e.24xlarge": { vcpus: 96, memory: 786432, gpus: 4, gpuMemory: 45776 },
  "g6e.48xlarge": { vcpus: 192, memory: 1572864, gpus: 8, gpuMemory: 45776 },
} as const satisfies Record<string, InstanceType>;

export type InstanceTypeName = keyof typeof INSTANCE_TYPES;

/** Whether the table has this instance type. */
export const isInstanceType = (name: string): name is InstanceTypeName => Object.hasOwn(INSTANCE_TYPES, name);
