import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { LABELS } from "./labels";
import { ROOT } from "../root";

export interface ServiceArgs {
  /** `repository:tag` or `repository@sha256:...` */
  image: pulumi.Input<string>;
  command?: string[];
  entrypoint?: string[];
  env?: Record<string, pulumi.Input<string>>;
  /** Memory in MB; there is no swap beyond it. */
  memory: number;
  /** Share of CPUs, as in `1.5`; default: no limit. */
  cpus?: string;
  user?: string;
  /** Volumes by the path where they are mounted. */
  volumes?: Record<string, pulumi.Input<string>>;
  /** Container port by the port on the loopback address. */
  ports?: Record<number, number>;
  /** Command that exits 0 if the service is well; default: the image's own. */
  healthcheck?: string[];
  runtime?: string;
  /** Seconds that it has to end after SIGTERM. Default 10, as Docker's. */
  stopTimeout?: number;
  network: docker.Network;
  stack: string;
}

/**
 * A container as every service of this stack runs: restarted when it ends, on the private network under its own name, with a
 * read-only root, no capabilities, no way to gain privileges, and `/tmp` in memory.
 */
export function service(name: string, args: ServiceArgs, opts: pulumi.CustomResourceOptions): docker.Container {
  const stopTimeout = args.stopTimeout ?? 10;
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
      cpus: args.cpus,
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
