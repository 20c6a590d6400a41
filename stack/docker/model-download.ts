import { createInterface } from "node:readline";
import { dockerClient, labelsOf, mergedOutput } from "../clients/docker";
import { MODEL_VOLUME_PATH, type ModelSet } from "../config/model-set";

export interface ModelDownloadArgs {
  stack: string;
  set: ModelSet;
  /** The CPU image, as `repository@sha256:...`. */
  image: string;
  /** Name of the model volume. */
  volume: string;
  /** More environment variables, such as the token for gated models. Only the container has them. */
  environment: Readonly<Record<string, string>>;
  /** Default: download the models of the set. */
  listOnly?: boolean;
  /** Receives each line of the log. */
  log: (line: string) => void;
  /** Stops the container. Default: nothing does. */
  signal?: AbortSignal;
}

/** Name of the service in the labels of the container. */
const SERVICE = "model-download";

/** Variables with the AWS credentials of the user. */
const AWS_VARIABLES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"];

/** The AWS credentials for objects in S3, from the environment of this process. Without such objects, the container gets none. */
function awsCredentials({ s3Objects }: ModelSet): Record<string, string> {
  if (!s3Objects.length) return {};
  return Object.fromEntries(AWS_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** Seconds between SIGTERM and SIGKILL if the signal is aborted. */
const STOP_TIMEOUT_S = 10;

/**
 * Runs a container that downloads the models to the model volume, with the restrictions of the services, and removes it afterwards.
 * @returns its exit code
 * @throws Error if the Docker engine cannot create or start the container
 */
export async function downloadModels(args: ModelDownloadArgs): Promise<number> {
  const docker = dockerClient();
  const container = await docker.createContainer({
    Image: args.image,
    Cmd: ["download-models", ...(args.listOnly ? ["--list"] : [])],
    Env: Object.entries({ ...args.environment, ...awsCredentials(args.set), ...args.set.downloadEnvironment }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Labels: labelsOf(args.stack, SERVICE),
    HostConfig: {
      Binds: [`${args.volume}:${MODEL_VOLUME_PATH}`],
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "mode=1777,size=64m" },
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
    },
  });
  const stop = () => void container.stop({ t: STOP_TIMEOUT_S }).catch(() => undefined); // it can have ended
  args.signal?.addEventListener("abort", stop);
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    createInterface({ input: mergedOutput(container, stream) }).on("line", args.log);
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    return StatusCode;
  } finally {
    args.signal?.removeEventListener("abort", stop);
    await container.remove({ force: true, v: true });
  }
}
