/**
 * Size of `/dev/shm` of a container in MiB, unless another size is requested. It is the default of Docker, also on the instances of ECS:
 * https://docs.docker.com/reference/cli/docker/container/run/#options, option `--shm-size`.
 */
export const DEFAULT_SHARED_MEMORY_MIB = 64;
