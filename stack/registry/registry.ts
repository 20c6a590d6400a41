/** The calls of the OCI distribution API that releases and the build cache require. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { userError } from "../pulumi/user-error";
import { RegistryHttp, type Credentials } from "./http";

const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Tags in a page of the list. A registry can return fewer, with the address of the next page in the header `link`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
const TAGS_IN_PAGE = 1000;

/** Repository of a stack on this machine, as `HOST/NAME`. It contains all images. */
export const localRepository = (registryPort: number): string => `127.0.0.1:${registryPort}/spatialforge`;

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
export class Registry extends RegistryHttp {
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

  async hasBlob(digest: string): Promise<boolean> {
    const url = this.url("blobs", digest);
    const response = await this.request(url, { method: "HEAD" });
    if (!response.ok && response.status !== 404) throw this.rejected("HEAD", url, response);
    return response.ok;
  }

  async putBlob(content: Buffer): Promise<void> {
    const { location } = await this.startUpload();
    const headers = { "content-type": "application/octet-stream" };
    const url = withDigest(location, digestOf(content));
    await this.mustRequest(url, { method: "PUT", headers, body: new Uint8Array(content) });
  }

  /**
   * Starts the upload of a blob.
   * @param mount - a blob in another repository of the registry, which the registry can use instead of an upload
   * @returns the address of the upload, or whether the blob was mounted
   */
  async startUpload(mount?: { digest: string; from: string }): Promise<{ location: string; mounted: boolean }> {
    const query = mount ? `?mount=${mount.digest}&from=${mount.from}` : "";
    const started = await this.mustRequest(`${this.url("blobs", "uploads")}/${query}`, { method: "POST" });
    return { location: this.locationIn(started), mounted: started.status === 201 };
  }

  /** The address in a response, at which an upload goes on. */
  locationIn(response: Response): string {
    return new URL(response.headers.get("location") ?? "", this.api).href;
  }

  async putManifest(tag: string, manifest: Manifest): Promise<void> {
    await this.putRawManifest(tag, manifestBytes(manifest));
  }

  /** Adds a tag to an image. Reads the tag first: a registry rejects a write to an immutable tag, even for the same image. */
  async tag(digest: string, tag: string): Promise<void> {
    if ((await this.digest(tag)) === digest) return;
    await this.putRawManifest(tag, await this.rawManifest(digest));
  }

  /** Manifest of an image, as the registry stores it. @param reference - tag or digest */
  async rawManifest(reference: string): Promise<Buffer> {
    return body(await this.mustRequest(this.url("manifests", reference), { headers: { accept: MANIFEST_TYPES } }));
  }

  /** Stores a manifest under a tag. */
  async putRawManifest(tag: string, manifest: Buffer): Promise<void> {
    const { mediaType } = JSON.parse(manifest.toString()) as Manifest;
    const headers = { "content-type": mediaType ?? "application/vnd.oci.image.manifest.v1+json" };
    await this.mustRequest(this.url("manifests", tag), { method: "PUT", headers, body: new Uint8Array(manifest) });
  }
}

/** The address that completes an upload. */
export function withDigest(location: string, digest: string): string {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url.href;
}

const body = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
