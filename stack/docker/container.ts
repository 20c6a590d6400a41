import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labelsOf } from "../clients/docker";
import type { Settings } from "../config/schema";

/** Values that all containers of a stack share. */
export interface StackContext {
  stack: string;
  /** Private network of the stack. */
  network: docker.Network;
  /** Images of the services that the application depends on. */
  serviceImages: Settings["serviceImages"];
}

export interface ContainerArgs extends StackContext {
  /** `repository:tag` or `repository@sha256:...` */
  image: pulumi.Input<string>;
  command?: string[];
  entrypoint?: string[];
  env?: Record<string, pulumi.Input<string>>;
  /** Memory limit in MiB, which the provider calls MB. The container gets no swap. */
  memory: number;
  /** Size of `/dev/shm` in MiB, which the provider calls MB. It counts as memory. Default: 64, as in Docker. */
  sharedMemorySize?: number;
  user?: string;
  /** Volumes by mount path. */
  volumes?: Record<string, pulumi.Input<string>>;
  /** Names besides its own by which other containers reach the container. */
  aliases?: string[];
  /** Ports of the container, by port on the loopback address. */
  ports?: Record<number, number>;
  /** Command that exits with 0 if the service is healthy. Default: the health check of the image. */
  healthcheck?: string[];
  /** Container runtime, such as `nvidia`. Default: that of the engine. */
  runtime?: string;
  /** Seconds between SIGTERM and SIGKILL. Default: 10, as in Docker. */
  stopTimeout?: number;
  /** Where `/tmp` is: in memory, or on disk, in the volume that the image declares for it. Default: memory. */
  tmp?: "memory" | "disk";
}

/** Seconds between SIGTERM and SIGKILL that Docker uses by default. */
const DEFAULT_STOP_TIMEOUT = 10;

/**
 * Creates a container with the settings that all services of the stack share: Docker restarts it when it exits, other containers reach it
 * by its name, its root file system is read-only, and it has no capabilities and cannot gain privileges.
 */
export function container(name: string, args: ContainerArgs, opts: pulumi.CustomResourceOptions): docker.Container {
  const stopTimeout = args.stopTimeout ?? DEFAULT_STOP_TIMEOUT;
  return new docker.Container(
    name,
    {
      image: args.image,
      command: args.command,
      entrypoints: args.entrypoint,
      envs: Object.entries(args.env ?? {})
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([key, value]) => pulumi.interpolate`${key}=${value}`),
      user: args.user,
      memory: args.memory,
      memorySwap: args.memory,
      shmSize: args.sharedMemorySize,
      runtime: args.runtime,
      restart: "unless-stopped",
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      tmpfs: args.tmp === "disk" ? undefined : { "/tmp": "mode=1777,size=64m" },
      volumes: Object.entries(args.volumes ?? {}).map(([containerPath, volumeName]) => ({ containerPath, volumeName })),
      ports: Object.entries(args.ports ?? {}).map(([external, internal]) => ({
        external: Number(external),
        internal,
        ip: "127.0.0.1",
      })),
      networksAdvanced: [{ name: args.network.name, aliases: [name, ...(args.aliases ?? [])] }],
      healthcheck: args.healthcheck && {
        tests: ["CMD", ...args.healthcheck],
        interval: "3s",
        timeout: "5s",
        retries: 3,
        startPeriod: "10s",
      },
      destroyGraceSeconds: stopTimeout,
      stopTimeout,
      logDriver: "json-file",
      logOpts: { "max-size": "10m", "max-file": "3" },
      labels: dockerLabels(args.stack, name),
      mustRun: true,
      wait: false,
    },
    opts,
  );
}

/** Labels by which the resources of a stack are found, without its state. */
export const dockerLabels = (stack: string, service: string): { label: string; value: string }[] =>
  Object.entries(labelsOf(stack, service)).map(([label, value]) => ({ label, value }));

/** Options for a volume or a network: other labels must not replace it, because a volume would lose its data. */
export const keepLabels = (opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions => ({
  ...opts,
  ignoreChanges: ["labels"],
});

/** Creates a volume for the data of a service. */
export const volume = (name: string, { stack }: StackContext, opts: pulumi.CustomResourceOptions): docker.Volume =>
  new docker.Volume(name, { labels: dockerLabels(stack, name) }, keepLabels(opts));

/** Options for a container that has a volume or a port of its own: the old one must be deleted before the new one starts. */
export const exclusive = (opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions => ({
  ...opts,
  deleteBeforeReplace: true,
});
