/** `npm run logs -- --stack NAME ROLE`: the log of a role. */
import { awsLog } from "./logs/aws";
import { localLog } from "./logs/local";
import { followLog, showLog } from "./logs/show";
import type { LogSource } from "./logs/source";
import { chooseId } from "./operate/choose";
import { EXIT, runCommand } from "./operate/command";
import { formatDuration, parseDuration } from "./operate/duration";
import { openStack, type OperatedStack } from "./operate/stack";

const DEFAULT_SINCE = "10m";

const USAGE = `Usage: npm run logs -- --stack NAME ROLE [--follow] [--since 10m] [--task ID]

Prints the log of a role: of its container on this machine, or of all its tasks on AWS.

  --stack NAME      local, dev, prod, or another stack with a file Pulumi.NAME.yaml
  ROLE              api, worker, or beat; on this machine also redis, proxy, objects, or registry
  --follow, -f      go on with new lines, also those of a task that replaces another one, until Ctrl-C
  --since DURATION  how far back: a number with the unit s, m, h, or d (default: ${DEFAULT_SINCE})
  --task ID         only this task, or container; the first characters of its ID are enough
  --help            print this help

Each line has its time, in UTC. If there are several tasks, each line also has the start of the ID of its task.

Exit code: 0 success (or Ctrl-C), 2 wrong options, or the log cannot be read
`;

const sources: Readonly<Record<"aws" | "docker", (stack: OperatedStack, role: string) => Promise<LogSource>>> = {
  aws: awsLog,
  docker: localLog,
};

/** ID of a task on AWS. Its log can be read when ECS no longer lists it. */
const TASK_ID = /^[0-9a-f]{32}$/;

void runCommand({
  usage: USAGE,
  options: { follow: { type: "boolean", short: "f" }, since: { type: "string" }, task: { type: "string" } },
  positionals: ["ROLE"],
  run: async (name, { follow, since = DEFAULT_SINCE, task: text }, [role]) => {
    const seconds = parseDuration("--since", since as string);
    const stack = await openStack(name);
    const source = await sources[stack.settings.platform](stack, role);
    const task = text === undefined ? undefined : await chosenTask(source, role, text as string);
    const args = { source, task, since: Date.now() - seconds * 1000 };
    if (follow) {
      process.once("SIGINT", () => process.exit(EXIT.ok));
      await followLog(args);
    } else if (!(await showLog(args))) {
      console.error(
        `${role} has written nothing in the last ${formatDuration(seconds)}. Use a longer --since, or --follow.`,
      );
    }
    return EXIT.ok;
  },
});

const chosenTask = async (source: LogSource, role: string, text: string): Promise<string> =>
  TASK_ID.test(text)
    ? text
    : chooseId(
        role,
        text,
        (await source.tasks()).map(({ id }) => id),
      );
