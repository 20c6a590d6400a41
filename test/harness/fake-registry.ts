import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { digestOf } from "../../stack/registry/registry";
import { listen } from "./fake-engine";

interface Repository {
  blobs: Map<string, Buffer>;
  /** Manifests by digest. */
  manifests: Map<string, Buffer>;
  /** Digests by tag. */
  tags: Map<string, string>;
}

/** An image to push, with random access to its blobs in the tests. */
export interface FakeImage {
  labels?: Record<string, string>;
  layers: string[];
}

/** Number of tags in a page of the list. */
const PAGE_SIZE = 3;

/** A registry in memory, with the calls of the OCI distribution API that the program makes. Tags are immutable, as in ECR. */
export class FakeRegistry {
  private readonly repositories = new Map<string, Repository>();
  /** `METHOD path` of each request, without the address of an upload. */
  readonly requests: string[] = [];
  /** Bytes of blobs that were uploaded. */
  uploadedBytes = 0;
  /** Whether a blob can be mounted from another repository. ECR refuses it by default. */
  mounts = false;
  /** Number of uploads that break off in the middle, from now on. */
  brokenUploads = 0;
  private port = 0;

  async start(): Promise<this> {
    this.port = await listen(createServer((request, response) => void this.handle(request, response)));
    return this;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  repository(name: string): Repository {
    const known = this.repositories.get(name);
    const repository = known ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, repository);
    return repository;
  }

  /** Pushes an image with tags. Returns its digest. */
  push(name: string, { labels = {}, layers }: FakeImage, ...tags: string[]): string {
    const repository = this.repository(name);
    const store = (content: Buffer) => {
      repository.blobs.set(digestOf(content), content);
      return { mediaType: "application/octet-stream", digest: digestOf(content), size: content.length };
    };
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: store(Buffer.from(JSON.stringify({ config: { Labels: labels } }))),
        layers: layers.map((layer) => store(Buffer.from(layer))),
      }),
    );
    const digest = digestOf(manifest);
    repository.manifests.set(digest, manifest);
    for (const tag of tags) repository.tags.set(tag, digest);
    return digest;
  }

  /** Tags of a repository, sorted. */
  tagsOf(name: string): string[] {
    return [...this.repository(name).tags.keys()].sort();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "" } = request;
    const url = new URL(request.url ?? "", `http://${this.host}`);
    this.requests.push(`${method} ${url.pathname.replace(/(uploads\/).+/, "$1...")}`);
    const [, name, kind, reference] =
      /^\/v2\/(.+)\/(tags|manifests|blobs\/uploads|blobs)\/(.*)$/.exec(url.pathname) ?? [];
    const repository = this.repositories.get(name);
    const end = (status: number, headers: Record<string, string> = {}, body?: Buffer | string) =>
      void response.writeHead(status, headers).end(method === "HEAD" ? undefined : body);
    if (!repository) return end(404);
    if (kind === "tags") return this.listTags(repository, url, end);
    if (kind === "blobs/uploads") return this.upload(repository, request, url, end);
    if (kind === "blobs") {
      const blob = repository.blobs.get(reference);
      return blob ? end(200, { "content-length": String(blob.length) }, blob) : end(404);
    }
    if (method === "PUT") return this.putManifest(repository, reference, await bodyOf(request), end);
    const digest = reference.startsWith("sha256:") ? reference : (repository.tags.get(reference) ?? "");
    const manifest = repository.manifests.get(digest);
    return manifest ? end(200, { "docker-content-digest": digest }, manifest) : end(404);
  }

  private listTags({ tags }: Repository, url: URL, end: End): void {
    const all = [...tags.keys()].sort();
    const start = all.indexOf(url.searchParams.get("last") ?? "") + 1;
    const page = all.slice(start, start + PAGE_SIZE);
    const more = start + PAGE_SIZE < all.length;
    const link = more ? { link: `<${url.pathname}?n=${PAGE_SIZE}&last=${page.at(-1)}>; rel="next"` } : {};
    end(200, link as Record<string, string>, JSON.stringify({ tags: page }));
  }

  private putManifest(repository: Repository, reference: string, manifest: Buffer, end: End): void {
    const { config, layers } = JSON.parse(manifest.toString()) as { config: Digest; layers: Digest[] };
    if ([config, ...layers].some(({ digest }) => !repository.blobs.has(digest))) return end(404); // BLOB_UNKNOWN
    if (repository.tags.has(reference)) return end(400); // immutable
    const digest = digestOf(manifest);
    repository.manifests.set(digest, manifest);
    if (!reference.startsWith("sha256:")) repository.tags.set(reference, digest);
    end(201, { "docker-content-digest": digest });
  }

  private readonly uploads = new Map<string, Buffer>();
  private lastUpload = 0;

  private async upload(repository: Repository, request: IncomingMessage, url: URL, end: End): Promise<void> {
    const [mount, from] = ["mount", "from"].map((key) => url.searchParams.get(key) ?? "");
    const mounted = this.repositories.get(from)?.blobs.get(mount);
    if (request.method === "POST" && this.mounts && mounted) {
      repository.blobs.set(mount, mounted);
      return end(201);
    }
    const id = url.pathname.split("/").at(-1) || String(++this.lastUpload);
    const location = { location: `${url.pathname.replace(/[^/]*$/, "")}${id}` };
    if (request.method === "POST") return end(202, location);
    if (request.method === "PATCH" && this.brokenUploads > 0) {
      this.brokenUploads -= 1;
      return void request.socket.destroy();
    }
    const content = Buffer.concat([this.uploads.get(id) ?? Buffer.alloc(0), await bodyOf(request)]);
    this.uploads.set(id, content);
    if (request.method === "PATCH") return end(202, location);
    const digest = url.searchParams.get("digest") ?? "";
    if (digestOf(content) !== digest) return end(400);
    repository.blobs.set(digest, content);
    this.uploadedBytes += content.length;
    end(201);
  }
}

type End = (status: number, headers?: Record<string, string>, body?: Buffer | string) => void;
type Digest = { digest: string };

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
