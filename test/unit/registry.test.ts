import { createServer } from "node:http";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Registry } from "../../stack/registry/registry";
import { listen } from "../harness/fake-engine";

describe("the digest of a tag", () => {
  /** The digest of a tag in a registry that answers each request with a status and headers. */
  async function digestWith(status: number, headers: Record<string, string> = {}) {
    const port = await listen(createServer((_, response) => void response.writeHead(status, headers).end()));
    return new Registry(`127.0.0.1:${port}/sf`).digest("release-1-api");
  }

  it("is the one that the registry returns", async () => {
    expect(await digestWith(200, { "docker-content-digest": "sha256:1" })).toBe("sha256:1");
  });

  it("is undefined if the registry has no such tag", async () => {
    expect(await digestWith(404)).toBeUndefined();
  });

  it.each([401, 403, 429, 500])("cannot be read from a registry that answers %i", async (status) => {
    await expect(digestWith(status)).rejects.toThrow(
      new RegExp(`^the registry rejected HEAD /v2/sf/manifests/release-1-api of 127\\S+/sf \\(HTTP ${status}\\)$`),
    );
  });

  it("cannot be read from a registry that returns none", async () => {
    await expect(digestWith(200)).rejects.toThrow(/^the registry returned no digest of release-1-api of 127\S+\/sf$/);
  });
});

describe("the upload of a blob", () => {
  /** Uploads a blob to a location. Returns the method, the URL, and the header `authorization` of each request. */
  async function upload(location: string) {
    const requests: (string | null | undefined)[][] = [];
    const fetch = async (url: unknown, { method, headers }: RequestInit = {}) => {
      requests.push([method, (url as string).split("?")[0], new Headers(headers).get("authorization")]);
      return new Response(null, { status: 202, headers: { location } });
    };
    vi.spyOn(globalThis, "fetch").mockImplementation(fetch);
    onTestFinished(() => void vi.restoreAllMocks());
    await new Registry("registry.example/sf", { username: "AWS", password: "secret" }).putBlob(Buffer.from("blob"));
    return requests;
  }
  const LOGIN = `Basic ${Buffer.from("AWS:secret").toString("base64")}`;
  const STARTED = ["POST", "https://registry.example/v2/sf/blobs/uploads/", LOGIN];

  it.each(["/v2/sf/blobs/uploads/1", "https://registry.example/v2/sf/blobs/uploads/1"])(
    "sends the credentials to the registry at %s",
    async (location) => {
      expect(await upload(location)).toEqual([
        STARTED,
        ["PUT", "https://registry.example/v2/sf/blobs/uploads/1", LOGIN],
      ]);
    },
  );

  it.each(["https://storage.example/1?signature=2", "http://registry.example/1", "https://registry.example:8443/1"])(
    "does not send the credentials to another origin, as in %s",
    async (location) => {
      expect(await upload(location)).toEqual([STARTED, ["PUT", location.split("?")[0], null]]);
    },
  );
});
