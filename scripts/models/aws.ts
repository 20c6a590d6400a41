import type { Task } from "@aws-sdk/client-ecs";
import { describeService } from "../../stack/aws/operations/rollout/service-client";
import { stoppedTaskReason } from "../../stack/aws/operations/rollout/task-reasons";
import { hasSucceeded, runTask } from "../../stack/aws/operations/run-task";
import { TaskLog } from "../../stack/aws/operations/task-log";
import { downloadTask } from "../../stack/aws/service/download-task";
import { ecsClient } from "../../stack/clients/aws";
import type { RoleName } from "../../stack/roles";
import { modelName, type Model } from "../../stack/config/models";
import { UserError } from "../operate/command";
import type { OperatedStack } from "../operate/stack";
import { requireNamedModels, type ModelsArgs } from "./run";

/** The service whose subnets and security group the download uses. */
const NETWORK_OF: RoleName = "worker";

/** Runs the download task of the stack, and prints its states and its log. @returns whether it has succeeded */
export async function runOnAws(args: ModelsArgs): Promise<boolean> {
  const { stack, listOnly, signal, log } = args;
  const cluster = stack.awsName;
  const { arn, environment } = await deployedTask(`${cluster}-model-download`, stack.name);
  if (!listOnly) requireDeployedModels(stack, environment.MODELS ?? "[]");
  const { networkConfiguration } = await describeService({ cluster, service: NETWORK_OF });
  const { subnets = [], securityGroups = [] } = networkConfiguration?.awsvpcConfiguration ?? {};
  const taskLog = new TaskLog();
  const task = await runTask({
    ...downloadTask(arn, listOnly ? ["--list"] : []),
    cluster,
    subnetIds: subnets,
    securityGroupIds: securityGroups,
    startedBy: "npm run models",
    signal,
    log,
    follow: async (task: Task) => (await taskLog.read(task)).forEach(log),
  });
  if (!hasSucceeded(task)) log((await stoppedTaskReason(task))[0]);
  return hasSucceeded(task);
}

/**
 * Checks that there is something to download, and that the deployed stack has the same models as its settings file.
 * @param deployed - models of the deployed stack, as JSON
 * @throws UserError with the remedy
 */
function requireDeployedModels(stack: OperatedStack, deployed: string): void {
  const { name, settings } = stack;
  if (JSON.stringify(settings.models) === deployed) return requireNamedModels(stack);
  const lists = [settings.models, JSON.parse(deployed) as Model[]];
  const [here, there] = lists.map((models) => models.map(modelName).join(", ") || "none");
  throw new UserError(
    `Pulumi.${name}.yaml has other models than the deployed stack: ${here} instead of ${there}. ` +
      `First deploy them with \`pulumi up --stack ${name}\`.`,
  );
}

/** The task definition of the download. @throws UserError if the stack is not deployed */
async function deployedTask(
  family: string,
  stack: string,
): Promise<{ arn: string; environment: Record<string, string> }> {
  const { client, DescribeTaskDefinitionCommand } = await ecsClient();
  const request = new DescribeTaskDefinitionCommand({ taskDefinition: family });
  const { taskDefinition } = await client.send(request).catch((error: Error) => {
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html has no other error for an unknown family.
    if (error.name !== "ClientException") throw error;
    const place = `in this region there is no task definition ${family}`;
    throw new UserError(
      `The stack ${stack} is not deployed: ${place}. Run \`pulumi up --stack ${stack}\`, or check aws:region.`,
    );
  });
  const [container] = taskDefinition?.containerDefinitions ?? [];
  const entries = (container?.environment ?? []).map(({ name = "", value = "" }) => [name, value]);
  return {
    arn: taskDefinition?.taskDefinitionArn ?? family,
    environment: Object.fromEntries(entries) as Record<string, string>,
  };
}
