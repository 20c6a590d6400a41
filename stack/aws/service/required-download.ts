import { deployedResources } from "../../pulumi/internals";
import { userError } from "../../pulumi/user-error";
import { stoppedTaskReason } from "../operations/rollout/task-reasons";
import { hasSucceeded, runTask, type RunTaskArgs } from "../operations/run-task";

/** Type of the component whose output `downloaded` has the list of models that was downloaded, and its volume. */
export const MODEL_DOWNLOAD_TYPE = "spatialforge:aws:ModelDownload";

/** The list of models that was downloaded and its volume, or why it was not downloaded. */
export interface DownloadResult {
  id?: string;
  error?: Error;
}

/**
 * Runs the download, unless the last update has recorded that the list of models is on the volume. Does not throw.
 * @param id - the list of models and the volume
 */
export async function downloadOnce(id: string, args: Omit<RunTaskArgs, "startedBy">): Promise<DownloadResult> {
  try {
    const deployed = await deployedResources();
    const isRecorded = deployed.some(({ type, outputs }) => type === MODEL_DOWNLOAD_TYPE && outputs.downloaded === id);
    if (isRecorded) return { id };
    const task = await runTask({ ...args, startedBy: "update" });
    return hasSucceeded(task) ? { id } : { error: failure(await stoppedTaskReason(task)) };
  } catch (error) {
    return { error: failure([(error as Error).message]) };
  }
}

const failure = (reasons: readonly string[]): Error =>
  userError(
    [
      `The models were not downloaded: ${reasons[0]}`,
      ...reasons.slice(1),
      "No service was updated. Fix the cause and run `pulumi up` again. A download that takes longer than spatialforge:healthTimeout is completed by " +
        "`npm run models -- --stack NAME`. To deploy without the models, set spatialforge:requireModels to false.",
    ].join("\n"),
  );
