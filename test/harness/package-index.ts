import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";

/** One version of a package on the index. */
export interface Release {
  version: string;
  /** Requirements, as in `Requires-Dist`. */
  requires?: string[];
  /** Extras that `requires` names. */
  extras?: string[];
  /** Tags of its wheels. Default: one for every platform. Empty: only a source distribution. */
  wheels?: string[];
  /** Default: {@link UPLOADED}. */
  uploaded?: string;
}

/** Time at which all packages were uploaded. */
export const UPLOADED = "2026-01-01T00:00:00Z";

const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

/** The hash of a file on the index, as in a lock. The files themselves do not exist: a lock needs their metadata only. */
export const hashOf = (file: string) => `sha256:${sha256(file)}`;

/** Output of a Python script. */
const python = async (script: string, ...args: string[]): Promise<Buffer> =>
  (await promisify(execFile)("python3", ["-c", script, ...args], { encoding: "buffer" })).stdout;

/** Files of a release: each wheel, and a source distribution. */
function filesOf(name: string, { version, wheels = ["py3-none-any"] }: Release): string[] {
  const stem = `${name.replaceAll("-", "_")}-${version}`;
  return [...wheels.map((tags) => `${stem}-${tags}.whl`), ...(wheels.length === 0 ? [`${stem}.tar.gz`] : [])];
}

const metadataOf = (name: string, { version, requires = [], extras = [] }: Release) =>
  [
    "Metadata-Version: 2.2",
    `Name: ${name}`,
    `Version: ${version}`,
    ...extras.map((extra) => `Provides-Extra: ${extra}`),
    ...requires.map((one) => `Requires-Dist: ${one}`),
    "",
  ].join("\n");

/** A package index (PEP 691) on the loopback address. Each path, such as `/simple`, is an index of its own. */
export class PackageIndex {
  private server?: Server;
  private readonly files = new Map<string, Buffer>();

  constructor(readonly indexes: Record<string, Record<string, Release[]>>) {}

  async start(): Promise<this> {
    this.server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "");
      const answer = this.files.get(path) ?? this.answer(path);
      response.writeHead(answer === undefined ? 404 : 200, {
        "content-type": path.endsWith("/") ? "application/vnd.pypi.simple.v1+json" : "text/plain",
      });
      response.end(answer);
    });
    await new Promise<void>((done) => this.server!.listen(0, "127.0.0.1", done));
    return this;
  }

  url(index = "/simple"): string {
    return `http://127.0.0.1:${(this.server!.address() as AddressInfo).port}${index}`;
  }

  /** Adds a wheel without modules. Returns its URL. */
  async addWheel(file: string): Promise<string> {
    const [name, version, ...tags] = file.replace(/\.whl$/, "").split("-");
    const info = `${name}-${version}.dist-info`;
    const files = {
      [`${info}/METADATA`]: metadataOf(name, { version }),
      [`${info}/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: ${tags.join("-")}\n`,
      [`${info}/RECORD`]: "",
    };
    const script = `
import io, json, sys, zipfile
data = io.BytesIO()
with zipfile.ZipFile(data, "w") as archive:
    for name, text in json.loads(sys.argv[1]).items():
        archive.writestr(name, text)
sys.stdout.buffer.write(data.getvalue())`;
    this.files.set(`/wheels/${file}`, await python(script, JSON.stringify(files)));
    return this.url(`/wheels/${file}`);
  }

  /** Adds the source distribution of a release that has no wheels: uv reads the metadata in it. Returns its hash, as in a lock. */
  async addSource(index: string, name: string, version: string): Promise<string> {
    const script = `
import io, sys, tarfile
data = io.BytesIO()
with tarfile.open(fileobj=data, mode="w:gz") as archive:
    info = tarfile.TarInfo(sys.argv[1] + "/PKG-INFO")
    info.size = len(sys.argv[2])
    archive.addfile(info, io.BytesIO(sys.argv[2].encode()))
sys.stdout.buffer.write(data.getvalue())`;
    const content = await python(script, `${name}-${version}`, metadataOf(name, { version }));
    this.files.set(`${index}/${name}/${name}-${version}.tar.gz`, content);
    return `sha256:${sha256(content)}`;
  }

  stop(): Promise<void> {
    this.server?.closeAllConnections();
    return new Promise((done) => (this.server ? this.server.close(() => done()) : done()));
  }

  private answer(path: string): string | undefined {
    for (const [index, packages] of Object.entries(this.indexes)) {
      if (!path.startsWith(`${index}/`)) continue;
      const [name, file] = path.slice(index.length + 1).split("/");
      const releases = packages[name];
      if (!releases) return undefined;
      if (!file)
        return JSON.stringify({
          meta: { "api-version": "1.1" },
          name,
          files: releases.flatMap((one) => this.entries(index, name, one)),
        });
      const release = releases.find((one) => filesOf(name, one).some((other) => file === `${other}.metadata`));
      return release && metadataOf(name, release);
    }
    return undefined;
  }

  private entries(index: string, name: string, release: Release): object[] {
    return filesOf(name, release).map((filename) => ({
      filename,
      url: encodeURI(filename).replaceAll("+", "%2B"),
      hashes: { sha256: sha256(this.files.get(`${index}/${name}/${filename}`) ?? filename) },
      "upload-time": release.uploaded ?? UPLOADED,
      "core-metadata": { sha256: sha256(metadataOf(name, release)) },
    }));
  }
}
