import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "../../stack/release/registry";

/**
 * The front of an emulated ECR, which itself speaks plain HTTP on port 80 under ECR's name: TLS as the real one has it, and tags of releases
 * that do not move.
 */
export class Ecr {
  private readonly hearers: Record<string, (tag: string, manifest: string) => Promise<void>> = {};
  private readonly tagged = new Set<string>();
  private readonly folder = mkdtempSync(join(tmpdir(), "spatialforge-ecr-"));
  readonly certificate = join(this.folder, "cert.pem");
  private server?: Server;

  /** @param host - the name that the emulated ECR has */
  constructor(private readonly host: string) {}

  async start(): Promise<void> {
    const key = join(this.folder, "key.pem");
    const names = ["-subj", `/CN=${this.host}`, "-addext", `subjectAltName=DNS:${this.host}`];
    const openssl = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...names];
    execFileSync("openssl", [...openssl, "-keyout", key, "-out", this.certificate], { stdio: "ignore" });
    this.server = createServer({ key: readFileSync(key), cert: readFileSync(this.certificate) }, (asked, answer) => {
      void this.answer(asked, answer);
    });
    await new Promise<void>((ready, fail) => {
      this.server?.once("error", fail).listen(443, "127.0.0.1", ready);
    });
  }

  /** Tells of each release's tag that is put into a repository. */
  onTag(repository: string, hear: (tag: string, manifest: string) => Promise<void>): void {
    this.hearers[repository] = hear;
  }

  private async answer(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const put = asked.method === "PUT" ? /^\/v2\/(.+)\/manifests\/([^:]+)$/.exec(asked.url ?? "") : undefined;
    const [, repository, tag] = put ?? [];
    const image = `${repository}:${tag}`;
    if (this.tagged.has(image)) {
      const message = `The image tag '${tag}' already exists and cannot be overwritten because the tag is immutable.`;
      answer.writeHead(400, { "content-type": "application/json" });
      answer.end(JSON.stringify({ errors: [{ code: "TAG_INVALID", message }] }));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const behind = request(
      { host: "127.0.0.1", port: 80, path: asked.url, method: asked.method, headers: asked.headers },
      (reply) => {
        const location = reply.headers.location?.replace(/^http:/, "https:");
        const pass = () => {
          answer.writeHead(reply.statusCode ?? 502, { ...reply.headers, ...(location ? { location } : {}) });
          reply.pipe(answer);
        };
        if (!tag?.startsWith("release-") || reply.statusCode !== 201) return pass();
        this.tagged.add(image);
        (this.hearers[repository]?.(tag, body.toString()) ?? Promise.resolve()).then(pass, (error: Error) =>
          answer.writeHead(502).end(error.message),
        );
      },
    );
    behind.on("error", (error) => answer.writeHead(502).end(error.message));
    behind.end(body);
  }

  /** Digest behind each tag of a repository. */
  async digests(repository: string): Promise<Record<string, string>> {
    const { tags } = (await (await fetch(`http://${this.host}/v2/${repository}/tags/list`)).json()) as {
      tags?: string[];
    };
    const registry = new Registry(`${this.host}/${repository}`);
    const found = (tags ?? []).map(async (tag) => [tag, (await registry.digest(tag)) ?? ""] as const);
    return Object.fromEntries(await Promise.all(found));
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
