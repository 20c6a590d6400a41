/** `npm run status -- --stack NAME`: the state of a stack on one screen. */
import { EXIT, runCommand } from "./operate/command";
import { openStack, type OperatedStack } from "./operate/stack";
import { awsStatus } from "./status/aws/status";
import { localStatus } from "./status/local/status";
import type { Status } from "./status/model";
import { problemsOf } from "./status/problems";
import { screen } from "./status/screen";
import { watch } from "./status/watch";

const USAGE = `Usage: npm run status -- --stack NAME [--watch] [--json]

Shows what a stack runs: its roles with their tasks and release, deployments in progress and the last one that failed, jobs,
GPU instances, Redis, and alarms. The first lines say whether all is well, or what is wrong and the next command.

  --stack NAME   local, dev, prod, or another stack with a file Pulumi.NAME.yaml
  --watch        show it again every 5 s, until Ctrl-C; without a terminal, print it when something has changed
  --json         print the same data as JSON, with --watch one object per line
  --help         print this help

Changes nothing. On AWS, docs/operations.md lists the permissions that it needs.

Exit code: 0 all is well (or Ctrl-C), 1 there is a problem, 2 wrong options, or the stack is not deployed or cannot be reached
`;

const readers: Readonly<Record<Status["platform"], (stack: OperatedStack) => Promise<Status>>> = {
  aws: awsStatus,
  docker: localStatus,
};

void runCommand({
  usage: USAGE,
  options: { watch: { type: "boolean" }, json: { type: "boolean" } },
  run: async (name, { watch: watches, json }) => {
    const stack = await openStack(name);
    const read = () => readers[stack.settings.platform](stack);
    const format = (status: Status): string => {
      const problems = problemsOf(status);
      if (!json) return screen(status, problems);
      return JSON.stringify({ ok: !problems.length, problems, ...status }, undefined, watches ? 0 : 2);
    };
    if (watches) return watch({ read, format });
    const status = await read();
    console.log(format(status));
    return problemsOf(status).length ? EXIT.notOk : EXIT.ok;
  },
});
