import type { RunTaskArgs } from "../operations/run-task";

/** Name of the container in the task definition of the download. */
export const DOWNLOAD_CONTAINER = "model-download";

/** What all runs of the download have in common. @param options - of `download-models` in `images/runtime/entrypoint.py` */
export const downloadTask = (
  taskDefinition: string,
  options: readonly string[] = [],
): Pick<RunTaskArgs, "containerName" | "taskDefinition" | "capacityProvider" | "command"> => ({
  containerName: DOWNLOAD_CONTAINER,
  taskDefinition,
  capacityProvider: "FARGATE",
  command: ["download-models", ...options],
});
