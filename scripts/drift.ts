/**
 * `npm run drift -- --stack NAME`: finds resources that were changed outside of Pulumi, and reports them in one GitHub issue per stack.
 * Prints the report. With the variables of GitHub Actions, it also opens, updates, or closes the issue.
 */
import { parseArgs } from "node:util";
import { reportIssue } from "./drift/issue";
import { findDrift } from "./drift/refresh";
import { driftReport } from "./drift/report";
import { githubRepository } from "./github";

/** Exit codes of the command. */
const EXIT = { same: 0, drift: 1, failed: 2 } as const;

const USAGE = `Usage: npm run drift -- --stack NAME

Compares the resources of a stack with AWS, and prints what was changed outside of Pulumi. Changes nothing.
Requires the Pulumi CLI, access to the state, and AWS credentials that can read the resources.

If GITHUB_TOKEN and GITHUB_REPOSITORY are set, the differences are also in one open issue of the repository, which is closed
when they are gone. GITHUB_API_URL is the URL of the API (default: https://api.github.com).

Exit code: 0 no differences, 1 differences, 2 failure
`;

async function main(args: string[]): Promise<number> {
  let stack: string | undefined;
  try {
    ({ stack } = parseArgs({ args, options: { stack: { type: "string" } } }).values);
  } catch (error) {
    console.error((error as Error).message);
  }
  if (!stack) {
    console.error(USAGE);
    return EXIT.failed;
  }
  const repository = githubRepository(process.env);
  const drifted = await findDrift(stack);
  const report = driftReport(stack, drifted, process.env);
  console.log(driftReport(stack, drifted, process.env, Infinity) ?? `The stack ${stack} has no differences.`);
  if (repository) console.log(await reportIssue(repository, stack, report));
  return report ? EXIT.drift : EXIT.same;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: Error) => {
    console.error(error.message);
    process.exitCode = EXIT.failed;
  },
);
