/** `npm run exec -- --stack NAME ROLE [-- COMMAND...]`: runs a command, or a shell, in a task. */
import { execOnAws } from "./exec/aws";
import type { ExecArgs } from "./exec/exec-args";
import { execOnDocker } from "./exec/local";
import { runCommand } from "./operate/command";
import { openStack, type OperatedStack } from "./operate/stack";

const USAGE = `Usage: npm run exec -- --stack NAME ROLE [--task ID] [-- COMMAND...]

Runs a command in a task of a role, or opens a shell: in the container on this machine with the Docker CLI, and on AWS with ECS Exec.

  --stack NAME  local, dev, prod, or another stack with a file Pulumi.NAME.yaml
  ROLE          api, worker, or beat; on this machine also redis, proxy, objects, or registry
  --task ID     this task, or container; the first characters of its ID are enough (default: the task that started last)
  COMMAND       command with its arguments, without a shell (default: /bin/sh)
  --help        print this help

On AWS, it requires the Session Manager plugin, the setting aws.ecsExec, and the permission ecs:ExecuteCommand. AWS logs the session.

Exit code: that of the command on this machine, that of the plugin on AWS; 2 wrong options, or something is missing
`;

const executors: Readonly<Record<"aws" | "docker", (stack: OperatedStack, args: ExecArgs) => Promise<number>>> = {
  aws: execOnAws,
  docker: execOnDocker,
};

void runCommand({
  usage: USAGE,
  options: { task: { type: "string" } },
  positionals: ["ROLE", "[COMMAND...]"],
  run: async (name, { task }, [role, ...command]) => {
    const stack = await openStack(name);
    return executors[stack.settings.platform](stack, { role, task: task as string | undefined, command });
  },
});
