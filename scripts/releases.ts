/** `npm run releases`: lists the releases of a stack, which one runs, and which ones the stack can go back to. */
import { EXIT, runCommand } from "./operate/command";
import { openStack } from "./operate/stack";
import { listReleases } from "./releases/list";
import { releaseTable } from "./releases/table";
import { identifyService } from "./local/identity";

const USAGE = `Usage: npm run releases -- --stack NAME [options]

Lists the releases of a stack, the last deployed one first: source, time of the last deployment in UTC, whether the services run it,
whether the stack can go back to it, and its images with where they were verified. It reads the registry of the stack and what
runs, so it prints the same on every machine.

  --stack NAME   required: the stack
  --json         print the same as data, with whole digests
  --help         print this help

Exits with 0, or with 2 if the stack, the registry, or AWS cannot be read.`;

void runCommand({
  usage: USAGE,
  options: { json: { type: "boolean" } },
  run: async (name, { json }) => {
    const stack = await openStack(name);
    if (stack.settings.platform === "docker") identifyService();
    const list = await listReleases(stack);
    console.log(json ? JSON.stringify(list, null, 2) : releaseTable(name, list));
    return EXIT.ok;
  },
});
