/** `npm run up`, `npm run down`, and `npm run pulumi`: operate the stack `local`, whose state is in the clone. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../stack/root";
import { color } from "./local/color";
import { openStack, STACK, type LocalStack } from "./local/pulumi-stack";
import { recover, removeLeftovers, removeServicesOfFolder, requireEngine, requireState } from "./local/recovery";
import { nextSteps, summary } from "./local/summary";

const HELP = {
  up: `npm run up: builds the images and runs the service on the Docker engine of this machine.

  npm run up                  create the service, or update what has changed
  npm run up -- --all-images  also build the images that no service on this machine runs (sets spatialforge:allImages)
  npm run up -- --help        print this help

The settings are in Pulumi.local.yaml, and Pulumi.yaml describes each of them. The state is in .state/ in this folder.`,
  down: `npm run down: removes all containers, volumes, and networks of the service, its state, and all its data.

  npm run down                remove everything
  npm run down -- --without-state
                              also remove services that were created in this folder and whose state is missing
  npm run down -- --help      print this help

The Docker engine keeps the images and the build cache, so the next \`npm run up\` is fast. To remove them too, run
\`docker image prune\` and \`docker builder prune\`.`,
  pulumi: `npm run pulumi -- ARGUMENTS: runs the Pulumi CLI on the stack of this machine.

  npm run pulumi -- config set spatialforge:port 8080
  npm run pulumi -- config set --secret --path spatialforge:env.STRIPE_SECRET_KEY
  npm run pulumi -- preview --diff`,
};

async function up(stack: LocalStack, { allImages }: Options): Promise<number> {
  const started = Date.now();
  await requireState(stack, await recover(stack));
  const code = await stack.update("up", ...(allImages ? ["--config", "spatialforge:allImages=true"] : []));
  if (code !== 0) {
    console.error(
      color.red(
        "\nThe update failed. The reason is above. The previous version, if any, is still running. " +
          "Fix the cause and run `npm run up` again.",
      ),
    );
    return code;
  }
  const outputs = stack.outputs();
  console.log(await summary(STACK, outputs.gpu));
  console.log(`Took ${((Date.now() - started) / 1000).toFixed(1)} s.\n`);
  console.log(nextSteps(outputs));
  return 0;
}

async function down(stack: LocalStack, { withoutState }: Options): Promise<number> {
  await requireEngine(stack.name);
  const state = await recover(stack);
  if (withoutState) await removeServicesOfFolder(stack.name);
  else await requireState(stack, state);
  const code = await stack.update("destroy");
  if (code !== 0) return code;
  await removeLeftovers(stack);
  stack.deleteState();
  rmSync(join(ROOT, ".build"), { recursive: true, force: true });
  console.log(
    "All containers, volumes, networks, and the state are removed. `pulumi stack rm` is not necessary. " +
      "The Docker engine keeps the images and the build cache.",
  );
  return 0;
}

interface Options {
  help: boolean;
  /** Only for `up`. */
  allImages?: boolean;
  /** Only for `down`. */
  withoutState?: boolean;
  /** All arguments. Only for `pulumi`, because the Pulumi CLI parses its options itself. */
  args: string[];
}

const COMMANDS = { up, down, pulumi: (stack: LocalStack, { args }: Options) => stack.run(...args) };

async function main([command, ...args]: string[]): Promise<number> {
  const name = command as keyof typeof COMMANDS;
  const options = parse(name, args);
  if (options.help) {
    console.log(HELP[name]);
    return 0;
  }
  return COMMANDS[name](await openStack(), options);
}

const flag = { type: "boolean", default: false } as const;
const help = { ...flag, short: "h" } as const;

/** @throws Error that names an unknown option. */
function parse(name: keyof typeof COMMANDS, args: string[]): Options {
  if (name === "pulumi") return { help: args.length === 0, args };
  if (name === "down") {
    const { values } = parseArgs({ args, options: { help, "without-state": flag } });
    return { help: values.help, withoutState: values["without-state"], args };
  }
  const { values } = parseArgs({ args, options: { help, "all-images": flag } });
  return { help: values.help, allImages: values["all-images"], args };
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(color.red(error.message));
    process.exit(1);
  },
);
