import { execFileSync, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Serves the git repositories in a folder over HTTP on the loopback address, to a client with the user name and the password only. */
export class GitServer {
  private readonly server: Server;
  private readonly backend = join(
    execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(),
    "git-http-backend",
  );

  constructor(
    private readonly folder: string,
    user: string,
    password: string,
  ) {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    this.server = createServer((request, response) => {
      if (request.headers.authorization === authorization) return this.answer(request, response);
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    });
  }

  start(): Promise<void> {
    return new Promise((done) => this.server.listen(0, "127.0.0.1", done));
  }

  url(repository: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${repository}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }

  /** Runs git's CGI program. Source: https://git-scm.com/docs/git-http-backend */
  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const { headers } = request;
    const backend = spawn(this.backend, {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
        PATH_INFO: pathname,
        QUERY_STRING: searchParams.toString(),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      },
    });
    const output: Buffer[] = [];
    backend.stdout.on("data", (data: Buffer) => output.push(data));
    backend.on("close", () => {
      const all = Buffer.concat(output);
      const end = all.indexOf("\r\n\r\n");
      const fields = all
        .subarray(0, end)
        .toString()
        .split("\r\n")
        .map((line) => line.split(": "));
      const { Status, ...rest } = Object.fromEntries(fields) as Record<string, string>;
      response.writeHead(Status ? parseInt(Status) : 200, rest).end(all.subarray(end + 4));
    });
    request.pipe(backend.stdin);
  }
}
