import { lockProblem, runPulumi, type PulumiResult } from "../operate/pulumi";
import { EXIT, UserError } from "../operate/command";
import { openStack as openLocalStack, STACK } from "../local/pulumi-stack";
import { recover, requireState } from "../local/recovery";
import { color } from "../local/color";
import { writeReleaseSetting } from "./release-setting";

/**
 * Deploys a release with the Pulumi CLI, without a build, and keeps it in the settings file of the stack.
 * @returns the exit code
 * @throws UserError if the stack is being updated. The settings file is then as it was.
 */
export async function deployRelease(stack: string, release: string): Promise<number> {
  const update = await updaterOf(stack);
  const setting = writeReleaseSetting(stack, release);
  const { code, errors } = await update();
  const locked = code !== 0 && lockProblem(stack, errors);
  if (locked) {
    setting.restore();
    throw new UserError(locked);
  }
  const up = stack === STACK ? "npm run up" : `pulumi up --stack ${stack}`;
  const config = `${stack === STACK ? "npm run pulumi --" : "pulumi"} config`;
  const option = stack === STACK ? "" : ` --stack ${stack}`;
  const undo = setting.before
    ? `${config} set spatialforge:release ${setting.before}${option}`
    : `${config} rm spatialforge:release${option}`;
  if (code !== 0) {
    console.error(
      color.red(
        `\nThe rollback failed. The reason is above. Pulumi.${stack}.yaml now has spatialforge:release: ${release}. ` +
          `Fix the cause and run \`${up}\`, or restore the setting with \`${undo}\`.`,
      ),
    );
    return EXIT.notOk;
  }
  console.log(
    [
      `\n${color.green(`${stack} runs the release ${release}.`)} Pulumi.${stack}.yaml now has spatialforge:release: ${release}.`,
      ...(stack === STACK ? [] : [`Commit that file: without it, the next deployment of main undoes the rollback.`]),
      `To build again, run \`${config} rm spatialforge:release${option}\`, and then \`${up}\`.`,
    ].join("\n"),
  );
  return EXIT.ok;
}

/** What updates a stack. The state of `local` is in the clone, and is repaired first if an update was interrupted. */
async function updaterOf(stack: string): Promise<() => Promise<PulumiResult>> {
  if (stack !== STACK) return () => runPulumi(stack, "up", "--yes", "--skip-preview");
  const local = await openLocalStack();
  await requireState(local, await recover(local));
  return async () => ({ code: await local.update("up"), errors: "" });
}
