/** What an EC2 instance type with GPUs has. */
export interface GpuType {
  vcpus: number;
  /** MiB */
  memory: number;
  gpus: number;
  /** MiB of each GPU */
  gpuMemory: number;
}

/**
 * Instance types for the GPU services: all have x86_64 CPUs and NVIDIA GPUs.
 * Source: EC2 instance types, accelerated computing, https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
 */
export const GPU_TYPES = {
  "g4dn.xlarge": { vcpus: 4, memory: 16_384, gpus: 1, gpuMemory: 16_384 },
  "g4dn.2xlarge": { vcpus: 8, memory: 32_768, gpus: 1, gpuMemory: 16_384 },
  "g4dn.12xlarge": { vcpus: 48, memory: 196_608, gpus: 4, gpuMemory: 16_384 },
  "g5.xlarge": { vcpus: 4, memory: 16_384, gpus: 1, gpuMemory: 24_576 },
  "g5.2xlarge": { vcpus: 8, memory: 32_768, gpus: 1, gpuMemory: 24_576 },
  "g5.12xlarge": { vcpus: 48, memory: 196_608, gpus: 4, gpuMemory: 24_576 },
  "g6.xlarge": { vcpus: 4, memory: 16_384, gpus: 1, gpuMemory: 24_576 },
  "g6.2xlarge": { vcpus: 8, memory: 32_768, gpus: 1, gpuMemory: 24_576 },
  "g6.12xlarge": { vcpus: 48, memory: 196_608, gpus: 4, gpuMemory: 24_576 },
  "g6e.xlarge": { vcpus: 4, memory: 32_768, gpus: 1, gpuMemory: 49_152 },
  "g6e.2xlarge": { vcpus: 8, memory: 65_536, gpus: 1, gpuMemory: 49_152 },
} as const satisfies Record<string, GpuType>;

export type GpuTypeName = keyof typeof GPU_TYPES;
