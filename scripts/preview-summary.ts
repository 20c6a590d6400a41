/** `npm run preview:summary`: previews a stack, and says in one screen what changes, why, what it costs, and what it breaks. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withoutCredentials } from "../stack/config/problem";
import { readAppProject } from "../stack/lock/project";
import { openApp } from "../stack/app/source";
import { ecrReleases, rolledBack, type RolledBack } from "../stack/registry/ecr-releases";
import { openStack } from "./operate/stack";
import { BaseRef } from "./preview/base-ref";
import { githubRepository } from "./github";
import { writeComment } from "./preview/comment";
import { markdown } from "./preview/markdown";
import { runPreview } from "./preview/run-preview";
import { summarize } from "./preview/summary";
import { readStackConfig } from "./stack-file";
import type { Settings } from "../stack/config/schema";

const USAGE = `Usage: npm run preview:summary -- --stack NAME [options]

Previews a stack and prints a summary in Markdown: the images that are built and why, the roles that restart, what is replaced
or deleted, the settings that changed, the cost, and the findings of the policy pack. It changes nothing.

  --stack NAME   required: the stack to preview
  --base REF     git ref to compare files, packages, and settings with (default: HEAD)
  --json         print the same as data
  --comment N    also write it to the comment of the stack on pull request N. Requires GITHUB_TOKEN and GITHUB_REPOSITORY
  --help         print this help

Exits with 0 if the preview succeeded, with 1 if it failed, and with 2 for wrong options. In a GitHub workflow, the uncut
raw difference is also in the summary of the job.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      stack: { type: "string" },
      base: { type: "string", default: "HEAD" },
      json: { type: "boolean", default: false },
      comment: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!values.stack) throw new UsageError("--stack is required");
  const { stack } = values;
  const pullRequest = values.comment === undefined ? undefined : Number(values.comment);
  const repository = pullRequest === undefined ? undefined : githubRepository(process.env);
  if (pullRequest !== undefined && (!Number.isInteger(pullRequest) || pullRequest < 1)) {
    throw new UsageError(`--comment ${values.comment}: not the number of a pull request`);
  }
  if (pullRequest !== undefined && !repository) {
    throw new UsageError("--comment requires the variables GITHUB_TOKEN and GITHUB_REPOSITORY");
  }
  const base = new BaseRef(values.base);
  console.error(`Previewing ${stack} ...`);
  const preview = await runPreview(stack);
  const summary = await summarize({
    ...{ stack, preview, base },
    lock: await lockOf(stack),
    undoneRollback: await undoneRollbackOf(stack),
  });
  const { GITHUB_STEP_SUMMARY } = process.env;
  if (GITHUB_STEP_SUMMARY) appendFileSync(GITHUB_STEP_SUMMARY, markdown(summary, preview.diff, Infinity));
  const screen = markdown(summary, preview.diff);
  console.log(values.json ? JSON.stringify(summary, null, 2) : screen);
  if (repository && pullRequest) {
    console.error(await writeComment(repository, pullRequest, stack, screen));
  }
  return summary.result === "failed" ? 1 : 0;
}

/** Name of the lock of a stack's application. Undefined if the application cannot be opened: the preview then says why. */
async function lockOf(stack: string): Promise<string | undefined> {
  try {
    const { folder } = await openApp(readStackConfig(stack).app as Settings["app"]);
    return readAppProject(readFileSync(join(folder, "pyproject.toml"), "utf8")).name;
  } catch {
    return undefined;
  }
}

/** The rollback that an update of a stack on AWS would undo. Undefined if the releases cannot be read: the preview itself needs none. */
async function undoneRollbackOf(stack: string): Promise<RolledBack | undefined> {
  try {
    const { settings } = await openStack(stack);
    if (settings.platform !== "aws" || settings.release) return undefined;
    return rolledBack(await ecrReleases());
  } catch {
    return undefined;
  }
}

class UsageError extends Error {
  readonly code = "ERR_PARSE_ARGS";
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: NodeJS.ErrnoException) => {
    const isUsage = error.code?.startsWith("ERR_PARSE_ARGS");
    console.error(withoutCredentials(error.message) + (isUsage ? `\n\n${USAGE}` : ""));
    process.exitCode = isUsage ? 2 : 1;
  },
);
