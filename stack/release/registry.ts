/** The few calls of the OCI distribution API that a release needs. */
import { createHash } from "node:crypto";
import { IMAGES } from "../images/table";
import type { Settings } from "../settings/schema";
import { userError } from "../user-error";

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The one repository of a stack on this machine; it holds all three images. */
export function localRepository(settings: Settings): string {
  return `127.0.0.1:${settings.registryPort}/spatialforge`;
}

/** The tag of an image in a release. */
export const releaseTag = (release: string, image: string): string => `release-${release}-${image}`;

const RELEASE_TAG = new RegExp(`^${releaseTag("(.+)", `(?:${IMAGES.map(({ name }) => name).join("|")})`)}$`);

/** The release that a tag belongs to; nothing if it is no tag of a release. */
export const releaseOf = (tag: string): string | undefined => RELEASE_TAG.exec(tag)?.[1];

/** The tag that an image is pushed under, and the only one that it takes cached layers from. */
export const cacheTag = (image: string): string => `cache-${image}`;

export interface Descriptor {
  mediaType: string;
  digest: string;
  /** bytes */
  size: number;
}

export interface Manifest {
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
}

/** How a blob or a manifest is named. */
export const digestOf = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** A manifest as it is stored. */
export const manifestBytes = (manifest: Manifest): Buffer => Buffer.from(JSON.stringify(manifest));

/** Milliseconds that a registry has to answer. */
const ANSWER_MS = 10_000;

export interface Credentials {
  username: string;
  password: string;
}

/** A repository in a registry. Every call throws an error for users when the registry refuses it. */
export class Registry {
  private readonly api: string;
  private readonly headers: Record<string, string>;

  /**
   * @param repository - `HOST/NAME`
   * @param credentials - none for the registry of this machine, which is asked without TLS
   */
  constructor(
    private readonly repository: string,
    credentials?: Credentials,
  ) {
    const slash = repository.indexOf("/");
    this.api = `${credentials ? "https" : "http"}://${repository.slice(0, slash)}/v2/`;
    const login = credentials && Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
    this.headers = login ? { authorization: `Basic ${login}` } : {};
  }

  async answers(): Promise<boolean> {
    return this.call(this.api).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** The digest behind a tag, or nothing if there is no such tag. */
  async digest(tag: string): Promise<string | undefined> {
    const response = await this.call(this.at("manifests", tag), { method: "HEAD", headers: { accept: MANIFESTS } });
    return response.ok ? (response.headers.get("docker-content-digest") ?? undefined) : undefined;
  }

  async manifest(reference: string): Promise<Manifest> {
    return JSON.parse((await this.rawManifest(reference)).toString()) as Manifest;
  }

  async blob(digest: string): Promise<Buffer> {
    return body(await this.must(this.at("blobs", digest)));
  }

  async putBlob(content: Buffer): Promise<void> {
    const started = await this.must(`${this.at("blobs", "uploads")}/`, { method: "POST" });
    const location = new URL(started.headers.get("location") ?? "", this.api);
    location.searchParams.set("digest", digestOf(content));
    const headers = { "content-type": "application/octet-stream" };
    await this.must(location.href, { method: "PUT", headers, body: new Uint8Array(content) });
  }

  async putManifest(tag: string, manifest: Manifest): Promise<void> {
    await this.putRaw(tag, manifestBytes(manifest));
  }

  /** Gives an image that is in the registry one more tag. It asks first: a tag that may not move is refused even for the same image. */
  async tag(digest: string, name: string): Promise<void> {
    if ((await this.digest(name)) === digest) return;
    await this.putRaw(name, await this.rawManifest(digest));
  }

  private async rawManifest(reference: string): Promise<Buffer> {
    return body(await this.must(this.at("manifests", reference), { headers: { accept: MANIFESTS } }));
  }

  private async putRaw(tag: string, manifest: Buffer): Promise<void> {
    const { mediaType } = JSON.parse(manifest.toString()) as Manifest;
    const headers = { "content-type": mediaType ?? "application/vnd.oci.image.manifest.v1+json" };
    await this.must(this.at("manifests", tag), { method: "PUT", headers, body: new Uint8Array(manifest) });
  }

  private at(kind: string, reference: string): string {
    return `${this.api}${this.repository.slice(this.repository.indexOf("/") + 1)}/${kind}/${reference}`;
  }

  private async must(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.call(url, init);
    if (response.ok) return response;
    throw userError(
      `the registry of ${this.repository} refuses ${init.method ?? "GET"} ${url} (HTTP ${response.status})`,
    );
  }

  private call(url: string, init: RequestInit = {}): Promise<Response> {
    // A registry may hand a request on to its store, by a signed URL that takes no other credentials: fetch drops ours there.
    const headers = { ...this.headers, ...(init.headers as Record<string, string>) };
    return fetch(url, { ...init, headers, signal: AbortSignal.timeout(ANSWER_MS) });
  }
}

const body = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
