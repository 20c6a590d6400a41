/** `npm run rollback`: deploys an earlier release of a stack without a build. */
import { identifyService } from "./local/identity";
import { runCommand } from "./operate/command";
import { confirm } from "./operate/confirm";
import { openStack } from "./operate/stack";
import { listReleases } from "./releases/list";
import { chooseRelease } from "./rollback/choose-release";
import { deployRelease } from "./rollback/deploy";
import { rollbackPlan } from "./rollback/plan";

const USAGE = `Usage: npm run rollback -- --stack NAME [ID] [options]

Deploys an earlier release of a stack without a build: shows what changes, asks, writes spatialforge:release to Pulumi.NAME.yaml, and runs
\`pulumi up\`. \`npm run releases -- --stack NAME\` lists the releases.

  --stack NAME   required: the stack
  ID             release to deploy (default: the one that was deployed before the one that runs)
  --yes          do not ask
  --help         print this help

Exits with 0 if the release runs, with 1 if the update failed, and with 2 if nothing was changed: there is no such release, the stack is being
updated, or you did not agree.`;

void runCommand({
  usage: USAGE,
  options: { yes: { type: "boolean" } },
  positionals: ["[ID]"],
  run: async (name, { yes }, [id]) => {
    const stack = await openStack(name);
    if (stack.settings.platform === "docker") identifyService();
    const list = await listReleases(stack);
    const release = chooseRelease(name, list, id);
    console.log(`${rollbackPlan(name, list, release)}\n`);
    const refused = yes ? undefined : await confirm(`Roll back ${name} to ${release.id}?`);
    return refused ?? (await deployRelease(name, release.id));
  },
});
