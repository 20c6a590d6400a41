import { request } from "@octokit/request";

/** Label of the issues. Only people who can write to the repository can add it to an issue. */
const LABEL = "drift";

/** Number of issues in a page of a list. 100 is the maximum of GitHub. */
const PAGE_SIZE = 100;

/** A repository on GitHub, and how it is reached. */
export interface GitHubRepository {
  owner: string;
  repo: string;
  token: string;
  /** URL of the API, without a slash at its end. */
  api: string;
}

/** An issue, with the fields that this script reads. Pull requests are issues too. */
interface Issue {
  number: number;
  body?: string | null;
  labels?: { name?: string }[];
  pull_request?: unknown;
}

/**
 * The repository in the environment variables of GitHub Actions. Undefined if they are not set.
 * @throws Error if only one of them is set, or if the name of the repository is invalid.
 */
export function githubRepository(env: NodeJS.ProcessEnv): GitHubRepository | undefined {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: name, GITHUB_API_URL: api = "https://api.github.com" } = env;
  if (!token && !name) return undefined;
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(name ?? "") ?? [];
  if (!token || !owner) {
    throw new Error(
      "To report to GitHub, set GITHUB_TOKEN and GITHUB_REPOSITORY (OWNER/NAME). To print only, unset both.",
    );
  }
  return { owner, repo, token, api };
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

type Call = (route: string, parameters: Record<string, unknown>) => Promise<{ data: unknown }>;

/** Calls the API. The errors of the library name the status only: the message of GitHub is added. */
export function client({ token, api }: GitHubRepository): Call {
  const authorized = request.defaults({ baseUrl: api, headers: { authorization: `bearer ${token}` } });
  return (route, parameters) =>
    authorized(route, parameters).catch((error: Error & { status?: number }) => {
      throw new Error(`GitHub refused ${route.split(" ")[0]} (${error.status ?? "no response"}): ${error.message}`);
    });
}

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
