import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "../../stack/registry/registry";

/**
 * A proxy in front of the emulated ECR, which serves HTTP on port 80 under the host name of ECR. As the real ECR it uses TLS, and all tags are
 * immutable except those of the build cache.
 */
export class Ecr {
  private readonly listeners: Record<string, (tag: string, manifest: string) => Promise<void>> = {};
  private readonly immutableTags = new Set<string>();
  private readonly uploads: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "spatialforge-ecr-"));
  readonly certificate = join(this.folder, "cert.pem");
  private server?: Server;

  /** @param host - host name of the emulated ECR */
  constructor(private readonly host: string) {}

  async start(): Promise<void> {
    const key = join(this.folder, "key.pem");
    const names = ["-subj", `/CN=${this.host}`, "-addext", `subjectAltName=DNS:${this.host}`];
    const openssl = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...names];
    execFileSync("openssl", [...openssl, "-keyout", key, "-out", this.certificate], { stdio: "ignore" });
    this.server = createServer(
      { key: readFileSync(key), cert: readFileSync(this.certificate) },
      (incoming, response) => {
        void this.handle(incoming, response);
      },
    );
    await new Promise<void>((ready, fail) => {
      this.server?.once("error", fail).listen(443, "127.0.0.1", ready);
    });
  }

  /** Calls a function for each immutable tag that is added to a repository. */
  onTag(repository: string, listener: (tag: string, manifest: string) => Promise<void>): void {
    this.listeners[repository] = listener;
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const put = incoming.method === "PUT" ? /^\/v2\/(.+)\/manifests\/([^:]+)$/.exec(incoming.url ?? "") : undefined;
    const [, repository, tag] = put ?? [];
    const image = `${repository}:${tag}`;
    const [, uploaded] =
      incoming.method === "PUT" ? (/^\/v2\/(.+)\/blobs\/uploads\//.exec(incoming.url ?? "") ?? []) : [];
    if (uploaded) this.uploads.push(uploaded);
    if (this.immutableTags.has(image)) {
      const message = `The image tag '${tag}' already exists and cannot be overwritten because the tag is immutable.`;
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "TAG_INVALID", message }] }));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const upstream = request(
      { host: "127.0.0.1", port: 80, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (reply) => {
        const location = reply.headers.location?.replace(/^http:/, "https:");
        const pass = () => {
          response.writeHead(reply.statusCode ?? 502, { ...reply.headers, ...(location ? { location } : {}) });
          reply.pipe(response);
        };
        if (!tag || tag.startsWith("cache-") || reply.statusCode !== 201) return pass();
        this.immutableTags.add(image);
        (this.listeners[repository]?.(tag, body.toString()) ?? Promise.resolve()).then(pass, (error: Error) =>
          response.writeHead(502).end(error.message),
        );
      },
    );
    upstream.on("error", (error) => response.writeHead(502).end(error.message));
    upstream.end(body);
  }

  /** Number of blobs that were uploaded to a repository. A push uploads at least one; a mounted blob does not count. */
  uploadsTo(repository: string): number {
    return this.uploads.filter((one) => one === repository).length;
  }

  /** A client for a repository, without TLS. */
  registry(repository: string): Registry {
    return new Registry(`${this.host}/${repository}`);
  }

  /** Digest of each tag of a repository. */
  async digests(repository: string): Promise<Record<string, string>> {
    const { tags } = (await (await fetch(`http://${this.host}/v2/${repository}/tags/list`)).json()) as {
      tags?: string[];
    };
    const registry = this.registry(repository);
    const found = (tags ?? []).map(async (tag) => [tag, (await registry.digest(tag)) ?? ""] as const);
    return Object.fromEntries(await Promise.all(found));
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
