import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * The front of an emulated ECR, which itself speaks plain HTTP on port 80 under ECR's name: TLS as the real one has it, and tags of releases
 * that do not move.
 */
export class Ecr {
  /** Tags that were put through it, in their order. */
  readonly tagged: string[] = [];
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
      const tag = asked.method === "PUT" ? /\/manifests\/([^:]+)$/.exec(asked.url ?? "")?.[1] : undefined;
      if (tag && this.tagged.includes(tag) && tag.startsWith("release-")) {
        const message = `The image tag '${tag}' already exists and cannot be overwritten because the tag is immutable.`;
        answer.writeHead(400, { "content-type": "application/json" });
        answer.end(JSON.stringify({ errors: [{ code: "TAG_INVALID", message }] }));
        return;
      }
      if (tag) this.tagged.push(tag);
      const behind = request(
        { host: "127.0.0.1", port: 80, path: asked.url, method: asked.method, headers: asked.headers },
        (reply) => {
          const location = reply.headers.location?.replace(/^http:/, "https:");
          answer.writeHead(reply.statusCode ?? 502, { ...reply.headers, ...(location ? { location } : {}) });
          reply.pipe(answer);
        },
      );
      behind.on("error", (error) => answer.writeHead(502).end(error.message));
      asked.pipe(behind);
    });
    await new Promise<void>((ready, fail) => {
      this.server?.once("error", fail).listen(443, "127.0.0.1", ready);
    });
  }

  /** Digest behind each tag of a repository. */
  async digests(repository: string): Promise<Record<string, string>> {
    const at = `http://${this.host}/v2/${repository}`;
    const { tags } = (await (await fetch(`${at}/tags/list`)).json()) as { tags?: string[] };
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
    const found = (tags ?? []).map(async (tag) => {
      const answer = await fetch(`${at}/manifests/${tag}`, { method: "HEAD", headers: { accept } });
      return [tag, answer.headers.get("docker-content-digest") ?? ""] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
