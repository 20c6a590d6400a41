import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { LABELS } from "../clients/docker";
import { ROOT } from "../root";

/** What all containers of a stack share. */
export interface StackContext {
  stack: string;
  /** Private network of the stack. */
  network: docker.Network;
}

export interface ContainerArgs extends StackContext {
  /** `repository:tag` or `repository@sha256:...` */
  image: pulumi.Input<string>;
  command?: string[];
  entrypoint?: string[];
  env?: Record<string, pulumi.Input<string>>;
  /** Memory limit in MB. No swap is added to it. */
  memory: number;
  user?: string;
  /** Volumes by mount path. */
  volumes?: Record<string, pulumi.Input<string>>;
  /** Container ports by port on the loopback address. */
  ports?: Record<number, number>;
  /** Command that exits with 0 if the service is healthy. Default: the health check of the image. */
  healthcheck?: string[];
  runtime?: string;
  /** Seconds between SIGTERM and SIGKILL. Default: 10, as in Docker. */
  stopTimeout?: number;
}

/** Seconds between SIGTERM and SIGKILL that Docker uses by default. */
const DEFAULT_STOP_TIMEOUT = 10;

/**
 * Creates a container with what every service of the stack has: it restarts when it ends, other containers reach it by its name, the root
 * file system is read-only, it has no capabilities and cannot gain privileges, and `/tmp` is in memory.
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
      runtime: args.runtime,
      restart: "unless-stopped",
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      tmpfs: { "/tmp": "mode=1777,size=256m" },
      volumes: Object.entries(args.volumes ?? {}).map(([containerPath, volumeName]) => ({ containerPath, volumeName })),
      ports: Object.entries(args.ports ?? {}).map(([external, internal]) => ({
        external: Number(external),
        internal,
        ip: "127.0.0.1",
      })),
      networksAdvanced: [{ name: args.network.name, aliases: [name] }],
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
      labels: [
        { label: LABELS.service, value: name },
        { label: LABELS.stack, value: args.stack },
        { label: LABELS.folder, value: ROOT },
      ],
      mustRun: true,
      wait: false,
    },
    opts,
  );
}

/** Options of a container that owns a volume or a port: the old one must be deleted before the new one starts. */
export const exclusive = (opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions => ({
  ...opts,
  deleteBeforeReplace: true,
});
