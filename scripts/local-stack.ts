/** `npm run up`, `npm run down` and `npm run pulumi`: the stack `local`, with its state inside the clone. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../stack/root";
import { openStack, STACK, type LocalStack } from "./local/cli";
import { colour } from "./local/colour";
import { nextSteps, summary } from "./local/summary";

const HELP = {
  up: `npm run up: builds the images and runs the service on this machine's Docker engine.

  npm run up                  all of it, or what has changed
  npm run up -- --help        this text

Settings stand in Pulumi.local.yaml; Pulumi.yaml describes each. State stays in .state/, inside this folder.`,
  down: `npm run down: removes every container, volume, network and the state of the service, with all data in it.

  npm run down                all of it
  npm run down -- --help      this text

The engine keeps its build cache, so that the next \`npm run up\` is fast; \`docker builder prune\` and \`docker image prune\` free it.`,
  pulumi: `npm run pulumi -- ARGUMENTS: the Pulumi CLI, on the stack of this machine.

  npm run pulumi -- config set spatialforge:port 8080
  npm run pulumi -- config set --secret --path spatialforge:env.STRIPE_SECRET_KEY
  npm run pulumi -- preview --diff`,
};

async function up(stack: LocalStack): Promise<number> {
  const started = Date.now();
  const code = await stack.run("up", "--yes", "--skip-preview", "--suppress-outputs");
  if (code !== 0) {
    console.error(
      colour.red(
        "\nThe update failed; the reason stands above. What ran before still runs. Mend it and run `npm run up` again.",
      ),
    );
    return code;
  }
  console.log(await summary(STACK));
  console.log(`Took ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
  console.log(nextSteps(await stack.outputs()));
  return 0;
}

async function down(stack: LocalStack): Promise<number> {
  const code = await stack.run("destroy", "--yes", "--skip-preview", "--suppress-outputs");
  if (code !== 0) return code;
  stack.forget();
  rmSync(join(ROOT, ".build"), { recursive: true, force: true });
  console.log(
    "Everything is removed: containers, volumes, network and state. Images and build cache stay with the engine.",
  );
  return 0;
}

const COMMANDS = { up, down, pulumi: (stack: LocalStack, args: string[]) => stack.run(...args) };

async function main([command, ...args]: string[]): Promise<number> {
  const name = command as keyof typeof COMMANDS;
  if (wantsHelp(name, args)) {
    console.log(HELP[name]);
    return 0;
  }
  return COMMANDS[name](await openStack(), args);
}

/** @throws Error that names an option which does not exist; the Pulumi CLI looks at its own. */
function wantsHelp(name: keyof typeof COMMANDS, args: string[]): boolean {
  if (name === "pulumi") return args.length === 0;
  return !!parseArgs({ args, options: { help: { type: "boolean", short: "h" } } }).values.help;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(colour.red(error.message));
    process.exit(1);
  },
);
