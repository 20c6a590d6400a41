import { client, PAGE_SIZE, type Call, type GitHubRepository } from "../github";

/** Label of the issues. Only people who can write to the repository can add it to an issue. */
const LABEL = "drift";

/** An issue, with the fields that this script reads. Pull requests are issues too. */
interface Issue {
  number: number;
  body?: string | null;
  labels?: { name?: string }[];
  pull_request?: unknown;
}

/**
 * Opens an issue with a report, updates the one that is open, or closes it if there is no report. There is one open issue per stack.
 *
 * @param report - what differs. Undefined: nothing.
 * @returns what was done, in a sentence
 * @throws Error with the message of GitHub
 */
export async function reportIssue(repository: GitHubRepository, stack: string, report?: string): Promise<string> {
  const { owner, repo } = repository;
  const call = client(repository);
  const open = await openIssues(call, repository, markerOf(stack));
  if (!report) {
    for (const issue_number of open) {
      await call("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
        ...{ owner, repo, issue_number },
        body: "The differences are gone.",
      });
      await call("PATCH /repos/{owner}/{repo}/issues/{issue_number}", {
        ...{ owner, repo, issue_number },
        state: "closed",
        state_reason: "completed",
      });
    }
    return open.length ? `Closed the issue ${open.map((number) => `#${number}`).join(", ")}.` : "No issue is open.";
  }
  const body = `${report}\n\n${markerOf(stack)}`;
  const [issue_number] = open;
  if (issue_number !== undefined) {
    await call("PATCH /repos/{owner}/{repo}/issues/{issue_number}", { owner, repo, issue_number, body });
    return `Updated the issue #${issue_number}.`;
  }
  const { data } = await call("POST /repos/{owner}/{repo}/issues", {
    ...{ owner, repo, body },
    title: `Drift in the stack ${stack}`,
    labels: [LABEL],
  });
  const { number, labels } = data as Issue;
  // Without the label, the next run would not find the issue. GitHub drops it silently if the token must not set labels.
  if (!labels?.some((one) => one.name === LABEL))
    throw new Error(`GitHub did not add the label ${LABEL} to #${number}.`);
  return `Opened the issue #${number}.`;
}

/** Identifies the issue of a stack. It is a comment, which GitHub does not show. */
const markerOf = (stack: string): string => `<!-- drift of the stack ${stack} -->`;

/** Numbers of the open issues with a marker, the oldest first. */
async function openIssues(call: Call, { owner, repo }: GitHubRepository, marker: string): Promise<number[]> {
  const found: number[] = [];
  for (let page = 1; ; page++) {
    const { data } = await call("GET /repos/{owner}/{repo}/issues", {
      ...{ owner, repo, page },
      labels: LABEL,
      state: "open",
      sort: "created",
      direction: "asc",
      per_page: PAGE_SIZE,
    });
    const issues = data as Issue[];
    found.push(...issues.filter((one) => !one.pull_request && one.body?.includes(marker)).map(({ number }) => number));
    if (issues.length < PAGE_SIZE) return found;
  }
}
