/** The calls of the OCI distribution API that releases and the build cache require. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { userError } from "../pulumi/user-error";

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Timeout of a request, including its response. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Tags in a page of the list. A registry can return fewer, with the address of the next page in the header `link`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
const TAGS_IN_PAGE = 1000;

/** Repository of a stack on this machine, as `HOST/NAME`. It contains all images. */
export const localRepository = (registryPort: number): string => `127.0.0.1:${registryPort}/spatialforge`;

export interface Credentials {
  username: string;
  password: string;
}

/** Token of an authorization service. Source: https://distribution.github.io/distribution/spec/auth/token/ */
export interface Token {
  token: string;
}

/** The repository that contains the images of a stack. */
export interface ImageRepository {
  /** `HOST/NAME` */
  url: pulumi.Input<string>;
  /** The registry on this machine has none. */
  credentials?: pulumi.Output<Credentials>;
  /** Whether the registry deletes images that have no tag. Default: false. */
  deletesUntagged?: boolean;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  /** bytes */
  size: number;
}

export interface Manifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
}

/** Digest of a blob or a manifest. */
export const digestOf = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** A manifest as the registry stores it. */
export const manifestBytes = (manifest: Manifest): Buffer => Buffer.from(JSON.stringify(manifest));

/**
 * Client for a repository in a registry. All methods except `isAvailable` throw a RunError if the registry rejects a request, and the error of
 * `fetch` if it does not respond.
 */
export class Registry {
  private readonly api: string;
  private readonly name: string;
  private readonly headers: Record<string, string>;

  /**
   * @param repository - `HOST/NAME`
   * @param login - none for the registry on this machine
   * @param tls - default: true with a login, because the registry on this machine is reached without TLS
   */
  constructor(
    private readonly repository: string,
    login?: Credentials | Token,
    tls = !!login,
  ) {
    const slash = repository.indexOf("/");
    this.api = `${tls ? "https" : "http"}://${repository.slice(0, slash)}/v2/`;
    this.name = repository.slice(slash + 1);
    this.headers = login ? { authorization: authorizationOf(login) } : {};
  }

  /** Whether the registry answers. */
  async isAvailable(): Promise<boolean> {
    return this.request(this.api).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** Digest of the image with a tag. Returns undefined if the tag does not exist. */
  async digest(tag: string): Promise<string | undefined> {
    const url = this.url("manifests", tag);
    const response = await this.request(url, { method: "HEAD", headers: { accept: MANIFEST_TYPES } });
    if (response.status === 404) return undefined;
    if (!response.ok) throw this.rejected("HEAD", url, response);
    const digest = response.headers.get("docker-content-digest");
    if (!digest) throw userError(`the registry returned no digest of ${tag} of ${this.repository}`);
    return digest;
  }

  /** All tags of the repository. Undefined if there is no such repository. */
  async tags(): Promise<string[] | undefined> {
    const tags: string[] = [];
    let url: string | undefined = `${this.url("tags", "list")}?n=${TAGS_IN_PAGE}`;
    while (url) {
      const response: Response = await this.request(url);
      if (response.status === 404) return undefined;
      if (!response.ok) throw this.rejected("GET", url, response);
      tags.push(...(((await response.json()) as { tags?: string[] | null }).tags ?? []));
      const next = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
      url = next && new URL(next, url).href;
    }
    return tags;
  }

  /** Manifest of an image. @param reference - tag or digest */
  async manifest(reference: string): Promise<Manifest> {
    return JSON.parse((await this.rawManifest(reference)).toString()) as Manifest;
  }

  async blob(digest: string): Promise<Buffer> {
    return body(await this.mustRequest(this.url("blobs", digest)));
  }

  async putBlob(content: Buffer): Promise<void> {
    const started = await this.mustRequest(`${this.url("blobs", "uploads")}/`, { method: "POST" });
    const location = new URL(started.headers.get("location") ?? "", this.api);
    location.searchParams.set("digest", digestOf(content));
    const headers = { "content-type": "application/octet-stream" };
    await this.mustRequest(location.href, { method: "PUT", headers, body: new Uint8Array(content) });
  }

  async putManifest(tag: string, manifest: Manifest): Promise<void> {
    await this.putRawManifest(tag, manifestBytes(manifest));
  }

  /** Adds a tag to an image. Reads the tag first: a registry rejects a write to an immutable tag, even for the same image. */
  async tag(digest: string, tag: string): Promise<void> {
    if ((await this.digest(tag)) === digest) return;
    await this.putRawManifest(tag, await this.rawManifest(digest));
  }

  private async rawManifest(reference: string): Promise<Buffer> {
    return body(await this.mustRequest(this.url("manifests", reference), { headers: { accept: MANIFEST_TYPES } }));
  }

  private async putRawManifest(tag: string, manifest: Buffer): Promise<void> {
    const { mediaType } = JSON.parse(manifest.toString()) as Manifest;
    const headers = { "content-type": mediaType ?? "application/vnd.oci.image.manifest.v1+json" };
    await this.mustRequest(this.url("manifests", tag), { method: "PUT", headers, body: new Uint8Array(manifest) });
  }

  private url(kind: string, reference: string): string {
    return `${this.api}${this.name}/${kind}/${reference}`;
  }

  private async mustRequest(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.request(url, init);
    if (response.ok) return response;
    throw this.rejected(init.method ?? "GET", url, response);
  }

  private rejected(method: string, url: string, { status }: Response): Error {
    return userError(`the registry rejected ${method} ${new URL(url).pathname} of ${this.repository} (HTTP ${status})`);
  }

  private request(url: string, init: RequestInit = {}): Promise<Response> {
    // A registry can name a signed URL of its storage, which accepts no other credentials and must not see those of the registry. On a
    // redirect to another origin, fetch removes the header `authorization`.
    const login = new URL(url).origin === new URL(this.api).origin ? this.headers : {};
    const headers = { ...login, ...(init.headers as Record<string, string>) };
    return fetch(url, { ...init, headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  }
}

/** Value of the header `authorization`. */
export const authorizationOf = (login: Credentials | Token): string =>
  "token" in login
    ? `Bearer ${login.token}`
    : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;

const body = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
