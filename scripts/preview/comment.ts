import { client, PAGE_SIZE, type GitHubRepository } from "../github";

interface Comment {
  id: number;
  body?: string;
}

/**
 * Writes the summary of a stack to its comment on a pull request, and creates the comment if there is none.
 * @returns what was done, in a sentence
 * @throws Error with the message of GitHub
 */
export async function writeComment(
  repository: GitHubRepository,
  pullRequest: number,
  stack: string,
  text: string,
): Promise<string> {
  const { owner, repo } = repository;
  const call = client(repository);
  const marker = `<!-- preview of the stack ${stack} -->`;
  const body = `${text}\n${marker}`;
  const on = { owner, repo, issue_number: pullRequest };
  for (let page = 1; ; page++) {
    const { data } = await call("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
      ...{ ...on, page },
      per_page: PAGE_SIZE,
    });
    const comments = data as Comment[];
    const existing = comments.find((comment) => comment.body?.endsWith(marker));
    if (existing) {
      const comment_id = existing.id;
      await call("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", { owner, repo, comment_id, body });
      return `Updated the comment of ${stack} on #${pullRequest}.`;
    }
    if (comments.length < PAGE_SIZE) break;
  }
  await call("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", { ...on, body });
  return `Added the comment of ${stack} to #${pullRequest}.`;
}
