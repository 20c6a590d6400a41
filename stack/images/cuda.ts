/**
 * Minimum NVIDIA driver branch for each major version of CUDA. Source: CUDA Compatibility, "Minor Version Compatibility",
 * https://docs.nvidia.com/deploy/cuda-compatibility/
 */
export const MINIMUM_DRIVER: Readonly<Record<number, number>> = { 12: 525, 13: 580 };
