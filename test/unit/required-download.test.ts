import { afterEach, expect, it, vi } from "vitest";
import * as reasons from "../../stack/aws/operations/rollout/task-reasons";
import * as tasks from "../../stack/aws/operations/run-task";
import { downloadOnce, MODEL_DOWNLOAD_TYPE } from "../../stack/aws/service/required-download";
import * as internals from "../../stack/pulumi/internals";

vi.mock("../../stack/pulumi/internals", { spy: true });
vi.mock("../../stack/aws/operations/run-task", { spy: true });
vi.mock("../../stack/aws/operations/rollout/task-reasons");

const ARGS = {
  cluster: "sf",
  taskDefinition: "sf-model-download:1",
  containerName: "model-download",
  command: ["download-models"],
  capacityProvider: "FARGATE",
  subnetIds: ["a"],
  securityGroupIds: ["sg"],
  log: () => undefined,
};
const ID = "0123456789ab on fs-1";

/** Runs the download with a state that has recorded an earlier one, and a task that ends with an exit code. */
async function download(recorded: string | undefined, exitCode = 0) {
  const outputs = recorded ? { downloaded: recorded } : {};
  vi.mocked(internals.deployedResources).mockResolvedValue([{ urn: "urn", type: MODEL_DOWNLOAD_TYPE, outputs }]);
  vi.mocked(tasks.runTask).mockResolvedValue({ stopCode: "EssentialContainerExited", containers: [{ exitCode }] });
  vi.mocked(reasons.stoppedTaskReason).mockResolvedValue([`task 1: exit code ${exitCode}`]);
  return downloadOnce(ID, ARGS);
}

afterEach(() => vi.resetAllMocks());

it.each([
  ["before the first download", undefined],
  ["with another list of models", "ba9876543210 on fs-1"],
  ["with a new model volume", "0123456789ab on fs-0"],
])("an update downloads the models %s", async (_, recorded) => {
  expect(await download(recorded)).toEqual({ id: ID });
  expect(tasks.runTask).toHaveBeenCalledOnce();
});

it("an update with the same models and volume runs no task", async () => {
  expect(await download(ID)).toEqual({ id: ID });
  expect(tasks.runTask).not.toHaveBeenCalled();
});

it("a download that fails is not recorded, and is an error with the remedy", async () => {
  const { id, error } = await download(undefined, 1);
  expect(id).toBeUndefined();
  expect(error?.message).toMatch(/^The models were not downloaded: task 1: exit code 1\n/);
  expect(error?.message).toContain("No service was updated. Fix the cause and run `pulumi up` again.");
});
