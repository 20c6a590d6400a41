/** `npm run models -- --stack NAME`: downloads the models that the settings name to the model volume, or lists what is on it. */
import { EXIT, runCommand } from "./operate/command";
import { openStack } from "./operate/stack";
import { runOnAws } from "./models/aws";
import { runOnThisMachine } from "./models/local";

const USAGE = `Usage: npm run models -- --stack NAME [--list]

Downloads the models in spatialforge:models to the model volume, and lists what is on it. Models that are on the volume are not
downloaded again. Ctrl-C stops the download; the next run continues.

  --list  only list what is on the volume

On AWS, a Fargate task does both. On this machine, a container does. docs/aws.md describes the settings.

Exit codes: 0 all models are on the volume, 1 a model was not downloaded, 2 wrong options or a stack that is not deployed.`;

async function models(name: string, listOnly: boolean): Promise<number> {
  const stack = await openStack(name);
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort());
  const args = { stack, listOnly, signal: interrupt.signal, log: (line: string) => console.log(line) };
  const succeeded = await (stack.settings.platform === "aws" ? runOnAws(args) : runOnThisMachine(args));
  if (interrupt.signal.aborted) return EXIT.interrupted;
  if (!succeeded) {
    console.error("\nNot all models are on the volume. Fix the cause above, and run the command again.");
    return EXIT.notOk;
  }
  const next = listOnly ? `download what is missing: npm run models -- --stack ${name}` : "";
  console.log(`\nNext step: ${next || `look at the services: npm run status -- --stack ${name}`}`);
  return EXIT.ok;
}

void runCommand({
  usage: USAGE,
  options: { list: { type: "boolean", default: false } },
  run: (stack, { list }) => models(stack, list === true),
});
