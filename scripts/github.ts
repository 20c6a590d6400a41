import { request } from "@octokit/request";

/** Number of entries in a page of a list. 100 is the maximum of GitHub. */
export const PAGE_SIZE = 100;

/** Maximum length of a text in an issue or a comment. GitHub accepts 65,536 characters. The rest is for markers around the text. */
export const MAXIMUM_BODY_LENGTH = 60_000;

/** A repository on GitHub, and how it is reached. */
export interface GitHubRepository {
  owner: string;
  repo: string;
  token: string;
  /** URL of the API, without a slash at its end. */
  api: string;
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

/** Calls a route of the API. */
export type Call = (route: string, parameters: Record<string, unknown>) => Promise<{ data: unknown }>;

/** Calls the API. The errors of the library name the status only: the message of GitHub is added. */
export function client({ token, api }: GitHubRepository): Call {
  const authorized = request.defaults({ baseUrl: api, headers: { authorization: `bearer ${token}` } });
  return (route, parameters) =>
    authorized(route, parameters).catch((error: Error & { status?: number }) => {
      throw new Error(`GitHub refused ${route.split(" ")[0]} (${error.status ?? "no response"}): ${error.message}`);
    });
}
