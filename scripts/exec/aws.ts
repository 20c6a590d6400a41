import type { Task } from "@aws-sdk/client-ecs";
import { serviceTasks } from "../../stack/aws/operations/rollout/service-client";
import { taskId } from "../../stack/aws/operations/task-log";
import { ecsClient } from "../../stack/clients/aws";
import { ROLES } from "../../stack/roles";
import { chooseId, requireRole } from "../operate/choose";
import { UserError } from "../operate/command";
import { missingPermission } from "../operate/missing-permission";
import { requireService } from "../operate/service";
import type { OperatedStack } from "../operate/stack";
import type { ExecArgs } from "./exec-args";
import { pluginVersion, runPlugin } from "./session-manager-plugin";

/** The agent in the container that ECS Exec uses. */
const AGENT = "ExecuteCommandAgent";

/**
 * Runs a command in a task with ECS Exec.
 * @returns the exit code of the plugin: it does not return that of the command
 * @throws UserError if something is missing: the plugin, the setting, a task, its agent, or a permission
 */
export async function execOnAws(stack: OperatedStack, { role, task: text, command }: ExecArgs): Promise<number> {
  requireRole(
    role,
    ROLES.map(({ name }) => name),
  );
  const version = pluginVersion();
  const { name, awsName, settings } = stack;
  if (!settings.aws.ecsExec) throw new UserError(`aws.ecsExec is false. ${enabling(name)}`);
  await requireService(stack, role);
  const task = await runningTask(stack, role, text);
  requireAgent(stack, role, task);
  const { client, ExecuteCommandCommand } = await ecsClient();
  const request = { cluster: awsName, task: taskId(task.taskArn), container: role, interactive: true };
  const { session } = await client
    .send(new ExecuteCommandCommand({ ...request, command: command.length ? quoted(command) : "/bin/sh" }))
    .catch((error: Error) => {
      throw refused(stack, error);
    });
  const runtimeId = task.containers?.find((one) => one.name === role)?.runtimeId;
  const target = `ecs:${awsName}_${taskId(task.taskArn)}_${runtimeId}`;
  return runPlugin({ version, session: session ?? {}, target });
}

const enabling = (stack: string): string =>
  `To enable ECS Exec, run \`pulumi config set --stack ${stack} --path spatialforge:aws.ecsExec true\` and \`pulumi up --stack ${stack}\`, which replaces all tasks.`;

/** The task with an ID, or the one that started last. */
async function runningTask({ name, awsName }: OperatedStack, role: string, text?: string): Promise<Task> {
  const all = await serviceTasks({ cluster: awsName, service: role }, "RUNNING");
  const tasks = all
    .filter(({ lastStatus }) => lastStatus === "RUNNING")
    .sort((a, b) => Number(b.startedAt) - Number(a.startedAt));
  if (text !== undefined) {
    const ids = tasks.map(({ taskArn }) => taskId(taskArn));
    const chosen = chooseId(role, text, ids);
    return tasks[ids.indexOf(chosen)];
  }
  if (tasks[0]) return tasks[0];
  throw new UserError(
    `ROLE ${role}: no task of ${role} is running. To see why, run \`npm run status -- --stack ${name}\`.`,
  );
}

/** Checks that the agent of ECS Exec runs in a task. */
function requireAgent(
  { name }: OperatedStack,
  role: string,
  { taskArn, containers = [], enableExecuteCommand }: Task,
): void {
  const id = taskId(taskArn);
  if (!enableExecuteCommand) throw new UserError(`task ${id} was started without ECS Exec. ${enabling(name)}`);
  const agents = containers.find((one) => one.name === role)?.managedAgents ?? [];
  const { lastStatus = "missing", reason } = agents.find((one) => one.name === AGENT) ?? {};
  if (lastStatus === "RUNNING") return;
  throw new UserError(
    `task ${id}: the agent of ECS Exec is ${lastStatus}${reason ? ` (${reason})` : ""}. Try again in a minute, or use another task (--task ID).`,
  );
}

/** The error of ExecuteCommand, with the permission that is missing. */
function refused({ settings }: OperatedStack, error: Error): Error {
  const reason = missingPermission(error);
  if (!reason) return error;
  const key = settings.aws.customerManagedKey
    ? " Sessions are encrypted with the KMS key of the stack, so kms:GenerateDataKey on this key is required too."
    : "";
  return new UserError(`ECS Exec: ${reason}. Ask for it, or use another role (AWS_PROFILE).${key}`);
}

/** A command as one text. ECS Exec splits it at spaces outside of quotes. */
const quoted = (command: readonly string[]): string =>
  command
    .map((argument) => (/^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`))
    .join(" ");
