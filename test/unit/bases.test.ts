import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, parseDocument } from "yaml";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { pinBases } from "../../scripts/lock/bases";
import { parseReference } from "../../scripts/lock/image-reference";
import { AWS_STACKS, stackFile } from "../../scripts/stack-file";
import { settingsSchema } from "../../stack/config/schema";
import { dockerConfig } from "../harness/docker-config";
import { listen } from "../harness/fake-engine";

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** Media types of an image for several platforms, and of an image for one platform. */
const LIST = "application/vnd.oci.image.index.v1+json";
const SINGLE = "application/vnd.oci.image.manifest.v1+json";

interface RegistryOptions {
  /** How the registry authorizes requests. Default: not at all. */
  auth?: "Basic" | "Bearer";
  /** User and password that a private registry requires. */
  login?: string;
}

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bases-"));
  dockerConfig({});
  return () => rmSync(folder, { recursive: true });
});

/**
 * Starts a registry with its authorization service. Its tags have one image for several platforms, and for clients that do not accept such
 * an image, one for this platform.
 * @param tags - digest by `repository:tag`
 * @returns its host, and the requests that it got
 */
async function registry(tags: Record<string, string>, { auth, login }: RegistryOptions = {}) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  const host = `127.0.0.1:${await listen(server)}`;
  const basic = login && `Basic ${Buffer.from(login).toString("base64")}`;

  function answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, "http://registry");
    if (pathname === "/token") {
      if (basic && headers.authorization !== basic) return void response.writeHead(401).end();
      const scope = /^repository:(.+):pull$/.exec(searchParams.get("scope") ?? "")?.[1];
      expect(searchParams.get("service")).toBe("registry.example");
      return void response.end(JSON.stringify({ token: `token-${scope}` }));
    }
    const [, name, tag] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(pathname) ?? [];
    const expected = { Basic: basic, Bearer: `Bearer token-${name}`, none: undefined }[auth ?? "none"];
    if (auth && headers.authorization !== expected) {
      const parameters = auth === "Bearer" ? `realm="http://${host}/token",service="registry.example"` : 'realm="x"';
      return void response.writeHead(401, { "www-authenticate": `${auth} ${parameters}` }).end();
    }
    if (pathname === "/v2/") return void response.end("{}");
    const found = tags[`${name}:${tag}`];
    if (!found) return void response.writeHead(404).end();
    const isList = headers.accept?.includes(LIST);
    const type = isList ? LIST : SINGLE;
    response.writeHead(200, { "content-type": type, "docker-content-digest": isList ? found : digest("f") }).end();
  }
  return { host, requests };
}

/** Writes a settings file. */
function settingsFile(name: string, bases: Record<string, string>, rest = ""): string {
  const file = join(folder, name);
  const lines = Object.entries(bases).map(([key, value]) => `    ${key}: ${value}\n`);
  writeFileSync(
    file,
    `config:\n  # a comment\n  spatialforge:port: 8001\n  spatialforge:bases:\n${lines.join("")}${rest}`,
  );
  return file;
}

/** Settings file whose three base images are in one registry. */
const fileWith = (host: string, tag = "1", name = "Pulumi.prod.yaml", rest = "") =>
  settingsFile(
    name,
    { gpu: `${host}/nvidia/cuda:${tag}`, cpu: `${host}/python:${tag}`, uv: `${host}/uv:${tag}` },
    rest,
  );

const TAGS = { "nvidia/cuda:1": digest("a"), "python:1": digest("b"), "uv:1": digest("c") };

describe("npm run lock -- --bases", () => {
  it.each<[string, RegistryOptions]>([
    ["without authorization", {}],
    ["that gives tokens to everybody, as Docker Hub does", { auth: "Bearer" }],
    ["that gives tokens to users", { auth: "Bearer", login: "me:pass:word" }],
    ["that asks for user and password", { auth: "Basic", login: "me:pass:word" }],
  ])("pins each tag to the digest of its manifest list in a registry %s", async (_, options) => {
    const { host, requests } = await registry(TAGS, options);
    if (options.login) dockerConfig({ auths: { [host]: { auth: Buffer.from(options.login).toString("base64") } } });
    const file = fileWith(host, "1", "Pulumi.prod.yaml", "  spatialforge:gpu: off # the end\nencryptionsalt: v1:x\n");
    const before = readFileSync(file, "utf8");
    const { changed, pinned } = await pinBases([file]);
    const expected = before
      .replace("cuda:1", `cuda:1@${digest("a")}`)
      .replace("python:1", `python:1@${digest("b")}`)
      .replace("uv:1", `uv:1@${digest("c")}`);
    expect(readFileSync(file, "utf8")).toBe(expected);
    expect(changed).toEqual([file]);
    expect(pinned).toContain(`${host}/python:1@${digest("b")}`);
    // Docker Hub counts GET of a manifest as a pull.
    expect(requests.filter((request) => /GET .*manifests/.test(request))).toEqual([]);
  });

  it("gets the credentials from a credential helper", async () => {
    const { host } = await registry(TAGS, { auth: "Basic", login: "me:secret" });
    const helper = `#!/bin/sh\nread name\n[ "$name" = "${host}" ] && echo '{"Username":"me","Secret":"secret"}'\n`;
    writeFileSync(join(folder, "docker-credential-test"), helper, { mode: 0o755 });
    dockerConfig({ credHelpers: { [host]: "test" } });
    const path = process.env.PATH;
    process.env.PATH = `${folder}:${path}`;
    try {
      expect((await pinBases([fileWith(host)])).pinned).toHaveLength(3);
    } finally {
      process.env.PATH = path;
    }
  });

  it("moves a pinned tag to its new digest, and is unchanged when it runs again", async () => {
    const tags = { ...TAGS };
    const { host } = await registry(tags);
    const [dev, prod] = [fileWith(host, "1", "Pulumi.dev.yaml"), fileWith(host)];
    await pinBases([dev, prod]);
    expect((await pinBases([dev, prod])).changed).toEqual([]);
    tags["python:1"] = digest("d");
    const before = readFileSync(dev, "utf8");
    expect((await pinBases([dev, prod], false)).changed).toEqual([dev, prod]);
    expect(readFileSync(dev, "utf8")).toBe(before);
    await pinBases([dev, prod]);
    expect(readFileSync(prod, "utf8")).toContain(`python:1@${digest("d")}`);
    expect(readFileSync(prod, "utf8")).toContain(`uv:1@${digest("c")}`);
  });

  it("leaves a digest without a tag as it is", async () => {
    const { host } = await registry(TAGS);
    const cpu = `${host}/python@${digest("e")}`;
    const file = settingsFile("Pulumi.prod.yaml", { gpu: `${host}/nvidia/cuda:1`, cpu, uv: `${host}/uv:1` });
    await pinBases([file]);
    expect(readFileSync(file, "utf8")).toContain(`cpu: ${cpu}\n`);
  });

  it("lists all base images without a digest, and changes no file", async () => {
    dockerConfig({});
    const { host } = await registry({ "python:1": digest("b") });
    const closed = await registry(TAGS, { auth: "Bearer", login: "me:secret" });
    const bases = { gpu: `${closed.host}/nvidia/cuda:1`, cpu: `${host}/python:1`, uv: "127.0.0.1:9/uv:1" };
    const files = [settingsFile("Pulumi.dev.yaml", bases), fileWith(host)];
    const before = files.map((file) => readFileSync(file, "utf8"));
    const error: Error = await pinBases(files).then(
      () => expect.fail("nothing failed"),
      (error: Error) => error,
    );
    expect(error.message.split("\n")).toEqual([
      "no file was changed",
      expect.stringMatching(/cuda:1: 127\S+ gives no token for nvidia\/cuda \(HTTP 401\): .*`docker login 127\S+`/),
      expect.stringMatching(/^127\.0\.0\.1:9\/uv:1: the registry cannot be reached \(/),
      expect.stringMatching(/cuda:1: the registry 127\S+ has no tag 1 of nvidia\/cuda: use another tag$/),
      expect.stringMatching(/uv:1: the registry 127\S+ has no tag 1 of uv/),
    ]);
    expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(before);
  });

  it("rejects a settings file with an unknown base image", async () => {
    const file = settingsFile("Pulumi.prod.yaml", { gpuu: "x:1" });
    await expect(pinBases([file])).rejects.toThrow(/Pulumi\.prod\.yaml: spatialforge:bases: .*gpuu/);
  });
});

describe("an image reference", () => {
  it.each([
    ["python:3.12-slim", "registry-1.docker.io", "library/python", "3.12-slim"],
    ["python", "registry-1.docker.io", "library/python", "latest"],
    ["docker.io/nvidia/cuda:13", "registry-1.docker.io", "nvidia/cuda", "13"],
    ["ghcr.io/astral-sh/uv:0.13.9", "ghcr.io", "astral-sh/uv", "0.13.9"],
    ["localhost:5000/uv", "localhost:5000", "uv", "latest"],
    [`python:3.12@${digest("a")}`, "registry-1.docker.io", "library/python", "3.12"],
    [`ghcr.io/a/b@${digest("a")}`, "ghcr.io", "a/b", undefined],
  ])("%s", (reference, host, repository, tag) => {
    expect(parseReference(reference)).toEqual({ host, repository, tag, tagged: reference.split("@")[0] });
  });
});

function withoutBases(text: string): string {
  const document = parseDocument(text);
  document.deleteIn(["config", "spatialforge:bases"]);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

it.each(AWS_STACKS)(
  "the settings file of %s gets the default base images, and keeps its content and comments",
  async (stack) => {
    const defaults = settingsSchema.parse({}).bases;
    const tags = Object.values(defaults).map((reference) => parseReference(reference));
    const { host } = await registry(
      Object.fromEntries(tags.map(({ repository, tag }) => [`${repository}:${tag}`, digest("a")])),
      { auth: "Bearer" },
    );
    const request = globalThis.fetch;
    const hosts = new Set<string>();
    vi.spyOn(globalThis, "fetch").mockImplementation((url, options) => {
      const target = new URL(url);
      hosts.add(target.host);
      return request(`http://${host}${target.pathname}${target.search}`, options);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const file = join(folder, "Pulumi.yaml");
    const text = withoutBases(readFileSync(stackFile(stack), "utf8")); // the first run of the command adds them
    writeFileSync(file, text);
    await pinBases([file]);
    const after = readFileSync(file, "utf8");
    expect(withoutBases(after)).toBe(text);
    const { config } = parse(after) as { config: Record<string, unknown> };
    expect(config["spatialforge:bases"]).toEqual(
      Object.fromEntries(Object.entries(defaults).map(([name, reference]) => [name, `${reference}@${digest("a")}`])),
    );
    expect([...hosts].filter((name) => name !== host).sort()).toEqual(["ghcr.io", "registry-1.docker.io"]);
  },
);
