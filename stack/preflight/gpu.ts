import type Docker from "dockerode";
import { labelsOf } from "../clients/docker";
import type { Problem } from "../config/problem";
import type { Settings } from "../config/schema";
import { isOlderDriver, minimumDriver } from "../images/cuda";

/** Whether containers can use a GPU of this machine. */
export interface Gpu {
  usable: boolean;
  /** The driver and the number of GPUs, or why no GPU can be used. */
  description: string;
}

/** Seconds within which `nvidia-smi` must answer. */
const TIMEOUT_S = 60;

/** As the GPU images request them. `utility` provides nvidia-smi. */
const VARIABLES = ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"];

/**
 * Decides whether the services run GPU images: the setting `gpu` allows it, and the engine has a runtime `nvidia` with which a container
 * gets a GPU and its driver.
 *
 * @param hasRuntime - whether the engine has a runtime `nvidia`
 * @param cuda - version of CUDA in the GPU images, as in `13.2`. Undefined if they contain none.
 */
export async function chooseGpu(
  docker: Docker,
  { gpu: setting, bases }: Settings,
  stack: string,
  hasRuntime: boolean,
  cuda?: string,
): Promise<{ gpu: Gpu; problems: Problem[] }> {
  if (setting === "off") return { gpu: { usable: false, description: "spatialforge:gpu is off" }, problems: [] };
  const { remedy, ...gpu } = hasRuntime
    ? await inspectGpu(docker, bases.cpu, cuda, labelsOf(stack, "gpu-check"))
    : unusable("the Docker engine has no runtime called nvidia", "install the NVIDIA Container Toolkit");
  if (gpu.usable || setting === "auto") return { gpu, problems: [] };
  const problem = { key: "gpu", value: "required", remedy: `${gpu.description}: ${remedy}, or set gpu to auto or off` };
  return { gpu, problems: [problem] };
}

/** The result of the check, with what to do if no GPU can be used. */
type Result = Gpu & { remedy?: string };

const unusable = (description: string, remedy: string): Result => ({ usable: false, description, remedy });

/** Why `nvidia-smi` could not run, with what to do. */
class CheckError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

const INSTALL = "install a current NVIDIA driver and the NVIDIA Container Toolkit";

/**
 * Runs `nvidia-smi` in a container with the runtime `nvidia`. The name of the runtime alone says nothing: it also exists on a machine
 * without a GPU, without a driver, or with a driver that is too old.
 *
 * @param image - image with glibc, which `nvidia-smi` requires. It is pulled if it does not exist.
 * @param cuda - version of CUDA in the GPU images, as in `13.2`. Undefined if they contain none.
 * @param labels - labels of the container, with which it is found and removed if this process is killed
 */
async function inspectGpu(
  docker: Docker,
  image: string,
  cuda: string | undefined,
  labels: Record<string, string>,
): Promise<Result> {
  try {
    await pullIfMissing(docker, image);
    return gpuOf(await nvidiaSmi(docker, image, labels), cuda);
  } catch (error) {
    return unusable(reasonOf(error as Error), error instanceof CheckError ? error.remedy : INSTALL);
  }
}

/** @param output - of `nvidia-smi`: the version of the driver, one line for each GPU */
function gpuOf(output: string, cuda = ""): Result {
  const versions = output.split(/\r?\n/).filter((line) => /^\d+\.\d/.test(line));
  if (versions.length === 0) return unusable("nvidia-smi reports no GPU", "use a machine with an NVIDIA GPU");
  const minimum = minimumDriver(cuda);
  const [version] = versions;
  if (minimum && isOlderDriver(version, minimum)) {
    return unusable(
      `the NVIDIA driver ${version} is too old for CUDA ${cuda}, which requires version ${minimum} or later`,
      "install a newer driver",
    );
  }
  return {
    usable: true,
    description: `NVIDIA driver ${version}, ${versions.length} GPU${versions.length > 1 ? "s" : ""}`,
  };
}

async function pullIfMissing(docker: Docker, image: string): Promise<void> {
  try {
    await docker.getImage(image).inspect();
  } catch {
    try {
      // Without a tag, the engine would pull all tags.
      const stream = await docker.pull(/[:@][^/]*$/.test(image) ? image : `${image}:latest`);
      await new Promise<void>((resolve, reject) =>
        docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
      );
    } catch (error) {
      throw new CheckError(
        `the image ${image}, with which the GPU is checked, cannot be pulled (${(error as Error).message.trim()})`,
        `run \`docker pull ${image}\`, which also uses your credentials, and run the command again`,
      );
    }
  }
}

async function nvidiaSmi(docker: Docker, image: string, labels: Record<string, string>): Promise<string> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ["nvidia-smi"],
    Cmd: ["--query-gpu=driver_version", "--format=csv,noheader"],
    Env: VARIABLES,
    Labels: labels,
    Tty: true, // the log is then plain text
    HostConfig: { Runtime: "nvidia", NetworkMode: "none" },
  });
  // Also for the start: the hook of the NVIDIA Container Toolkit runs in it, and waits for a driver that hangs.
  const abortSignal = AbortSignal.timeout(TIMEOUT_S * 1000);
  try {
    await container.start({ abortSignal });
    const { StatusCode: code } = (await container.wait({ abortSignal })) as { StatusCode: number };
    const output = (await container.logs({ stdout: true, stderr: true, abortSignal })).toString().trim();
    if (code !== 0)
      throw new CheckError(
        `nvidia-smi failed: ${output.split(/\r?\n/)[0] || `exit code ${code}`}`,
        "fix the NVIDIA driver",
      );
    return output;
  } finally {
    const removed = AbortSignal.timeout(TIMEOUT_S * 1000);
    await container.remove({ force: true, v: true, abortSignal: removed }).catch(() => undefined);
  }
}

/** The reason in an error of the engine, without the layers of messages around it. */
function reasonOf({ name, message }: Error): string {
  if (name === "AbortError" || name === "TimeoutError") return `nvidia-smi did not answer within ${TIMEOUT_S} seconds`;
  if (/"?nvidia-smi"?: executable file not found/.test(message)) {
    return "the runtime nvidia gives a container no driver (nvidia-smi is not in it)";
  }
  const toolkit = /nvidia-container-cli: ([^\n]*)/.exec(message);
  return toolkit ? `the NVIDIA Container Toolkit reports: ${toolkit[1].trim().replace(/: unknown$/, "")}` : message;
}
