/** `npm run up`, `npm run down`, and `npm run pulumi`: operate the stack `local`, whose state is in the clone. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../stack/root";
import { color } from "./local/color";
import { openStack, STACK, type LocalStack } from "./local/pulumi-stack";
import { nextSteps, summary } from "./local/summary";

const HELP = {
  up: `npm run up: builds the images and runs the service on the Docker engine of this machine.

  npm run up                  create the service, or update what has changed
  npm run up -- --help        print this help

The settings are in Pulumi.local.yaml, and Pulumi.yaml describes each of them. The state is in .state/ in this folder.`,
  down: `npm run down: removes all containers, volumes, and networks of the service, its state, and all its data.

  npm run down                remove everything
  npm run down -- --help      print this help

The Docker engine keeps the images and the build cache, so the next \`npm run up\` is fast. To remove them too, run
\`docker image prune\` and \`docker builder prune\`.`,
  pulumi: `npm run pulumi -- ARGUMENTS: runs the Pulumi CLI on the stack of this machine.

  npm run pulumi -- config set spatialforge:port 8080
  npm run pulumi -- config set --secret --path spatialforge:env.STRIPE_SECRET_KEY
  npm run pulumi -- preview --diff`,
};

async function up(stack: LocalStack): Promise<number> {
  const started = Date.now();
  const code = await stack.run("up", "--yes", "--skip-preview", "--suppress-outputs");
  if (code !== 0) {
    console.error(
      color.red(
        "\nThe update failed. The reason is above. The previous version, if any, is still running. " +
          "Fix the cause and run `npm run up` again.",
      ),
    );
    return code;
  }
  console.log(await summary(STACK));
  console.log(`Took ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
  console.log(nextSteps(stack.outputs()));
  return 0;
}

async function down(stack: LocalStack): Promise<number> {
  const code = await stack.run("destroy", "--yes", "--skip-preview", "--suppress-outputs");
  if (code !== 0) return code;
  stack.deleteState();
  rmSync(join(ROOT, ".build"), { recursive: true, force: true });
  console.log(
    "All containers, volumes, networks, and the state are removed. The Docker engine keeps the images and the build cache.",
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

/** @throws Error that names an unknown option. The Pulumi CLI parses its options itself. */
function wantsHelp(name: keyof typeof COMMANDS, args: string[]): boolean {
  if (name === "pulumi") return args.length === 0;
  return !!parseArgs({ args, options: { help: { type: "boolean", short: "h" } } }).values.help;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(color.red(error.message));
    process.exit(1);
  },
);
