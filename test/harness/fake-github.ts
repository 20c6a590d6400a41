import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { GitHubRepository } from "../../scripts/github";

interface StoredIssue {
  number: number;
  title: string;
  body: string;
  labels: string[];
  state: string;
  state_reason?: string;
  pull_request?: object;
  comments: string[];
}

/** The issues of a repository on GitHub, with the part of the API that the script uses. */
export class FakeGitHub {
  readonly issues: StoredIssue[] = [];
  readonly requests: string[] = [];
  /** Status and message of each response. */
  failure?: [number, string];
  /** As GitHub does if the token must not set labels. */
  dropsLabels = false;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      void this.answer(request).then(([status, body]) =>
        response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body)),
      );
    });
  }

  start = (): Promise<void> => new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  stop = (): Promise<unknown> => new Promise((resolve) => this.server.close(resolve));

  get repository(): GitHubRepository {
    const { port } = this.server.address() as AddressInfo;
    return { owner: "o", repo: "n", token: "t0ken", api: `http://127.0.0.1:${port}` };
  }

  add(issue: Partial<StoredIssue>): StoredIssue {
    const stored = {
      number: this.issues.length + 1,
      title: "",
      body: "",
      labels: [],
      state: "open",
      comments: [],
      ...issue,
    };
    this.issues.push(stored);
    return stored;
  }

  get open(): StoredIssue[] {
    return this.issues.filter(({ state }) => state === "open");
  }

  private async answer(request: IncomingMessage): Promise<[number, unknown]> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    this.requests.push(`${request.method} ${pathname}`);
    if (this.failure) return [this.failure[0], { message: this.failure[1] }];
    if (request.headers.authorization !== "bearer t0ken") return [401, { message: "Bad credentials" }];
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = (text ? JSON.parse(text) : {}) as Partial<StoredIssue>;
    const [, commentId] = /^\/repos\/o\/n\/issues\/comments\/(\d+)$/.exec(pathname) ?? [];
    if (commentId) return this.editComment(Number(commentId), body.body ?? "");
    const [, number, comments] = /^\/repos\/o\/n\/issues(?:\/(\d+))?(\/comments)?$/.exec(pathname) ?? [];
    const issue = this.issues.find((one) => String(one.number) === number);
    if (request.method === "GET" && issue && comments) return [200, commentsOf(issue, searchParams)];
    if (request.method === "GET") return [200, this.list(searchParams)];
    if (request.method === "POST" && !number) {
      const created = this.add({ ...body, ...(this.dropsLabels && { labels: [] }) });
      return [201, { ...created, labels: created.labels.map((name) => ({ name })) }];
    }
    if (!issue) return [404, { message: "Not Found" }];
    if (comments) issue.comments.push(body.body ?? "");
    else Object.assign(issue, body);
    return [200, issue];
  }

  private editComment(id: number, body: string): [number, unknown] {
    const issue = this.issues.find(({ number }) => number === Math.floor(id / COMMENTS));
    if (!issue?.comments[id % COMMENTS]) return [404, { message: "Not Found" }];
    issue.comments[id % COMMENTS] = body;
    return [200, { id, body }];
  }

  /** As GitHub does: the newest first, and closed issues only on request. */
  private list(query: URLSearchParams): StoredIssue[] {
    const [page, size] = [Number(query.get("page") ?? 1), Number(query.get("per_page") ?? 30)];
    const found = this.issues.filter(
      ({ state, labels }) => state === (query.get("state") ?? "open") && labels.includes(query.get("labels") ?? ""),
    );
    if (query.get("direction") !== "asc") found.reverse();
    return found.slice((page - 1) * size, page * size);
  }
}

/** The ID of a comment is the number of its issue times this, and its index. */
const COMMENTS = 1000;

function commentsOf({ number, comments }: StoredIssue, query: URLSearchParams): { id: number; body: string }[] {
  const [page, size] = [Number(query.get("page") ?? 1), Number(query.get("per_page") ?? 30)];
  return comments.map((body, index) => ({ id: number * COMMENTS + index, body })).slice((page - 1) * size, page * size);
}
