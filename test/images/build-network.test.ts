import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { proxyArguments, writeBuildNetwork } from "../../stack/app/build-network";
import { IMAGES } from "../../stack/images/catalog";
import { docker, dockerStatus, until } from "../harness/engine";
import { baseOf, buildArgs, dockerBuild, stageSampleApp } from "../harness/images";

/** A name of this run, so that no cache of uv has packages of the index. */
const RUN = randomBytes(4).toString("hex");
const INDEX = `index-${RUN}.example.com`;
const EMPTY_INDEX = `empty-${RUN}.example.com`;
const MIRROR = `mirror-${RUN}.example.com`;
const OS_IMAGE = `spatialforge-test:network-${RUN}`;

/** Hosts that the builds of this test cannot reach without the proxy. */
const BLOCKED = ["deb.debian.org", "security.debian.org", "pypi.org", "files.pythonhosted.org"];

/**
 * A proxy that replaces the certificates of all servers, and prints each request. It serves the package index and the mirror of the OS packages
 * under names of this test.
 */
const PROXY = `
import functools, http.client, os, socket, ssl, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

for name in ("cert", "key"):
    with open(f"/tmp/{name}.pem", "w") as file:
        file.write(os.environ[name.upper()])
TLS = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
TLS.load_cert_chain("/tmp/cert.pem", "/tmp/key.pem")
UPSTREAMS = {"${INDEX}": "https://pypi.org", "${MIRROR}": "http://deb.debian.org"}

# Each name is resolved once: many requests at the same time are too much for some resolvers.
socket.getaddrinfo = functools.lru_cache(None)(socket.getaddrinfo)
for host, port in ("pypi.org", 443), ("files.pythonhosted.org", 443), ("deb.debian.org", 80):
    while True:
        try:
            socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
            break
        except socket.gaierror:
            time.sleep(1)

class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    origin = ""

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.origin = "https://" + self.path.removesuffix(":443")
        self.connection = TLS.wrap_socket(self.connection, server_side=True)
        self.setup_files()

    def setup_files(self):
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        url = urlsplit(self.origin + self.path)
        print(self.command, url.geturl(), flush=True)
        if url.hostname == "${EMPTY_INDEX}":
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        upstream = urlsplit(UPSTREAMS.get(url.hostname, f"{url.scheme}://{url.netloc}"))
        kind = http.client.HTTPSConnection if upstream.scheme == "https" else http.client.HTTPConnection
        connection = kind(upstream.hostname, upstream.port, timeout=60)
        skipped = ("host", "connection", "proxy-connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        connection.request(self.command, url.path + (f"?{url.query}" if url.query else ""), headers=headers)
        response = connection.getresponse()
        body = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        length = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("", 3128), Proxy).serve_forever()
`;

const image = IMAGES.find(({ name }) => name === "cpu")!;
const base = baseOf(image);

let folder = "";
let proxy = "";
let context = "";
/** Setting `build`, with the proxy of this test. */
let network = { proxy: "", noProxy: "localhost" };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "build-network-"));
  const authority = ["-subj", "/CN=authority of a test", "-addext", "keyUsage=critical,keyCertSign"];
  openssl("req", "-x509", ...authority, "-keyout", "ca.key", "-out", "ca.pem");
  const names = ["*.example.com", ...BLOCKED].map((name) => `DNS:${name}`).join(",");
  const server = ["-subj", "/CN=proxy", "-addext", `subjectAltName=${names}`, "-CA", "ca.pem", "-CAkey", "ca.key"];
  openssl("req", "-x509", ...server, "-addext", "basicConstraints=CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem");
  const variables = ["cert", "key"].flatMap((name) => ["-e", `${name.toUpperCase()}=${read(`${name}.pem`)}`]);
  // On the default network of the engine, where builds run
  proxy = docker("run", "-d", ...variables, base, "python3", "-c", PROXY);
  const address = docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", proxy);
  network = { ...network, proxy: `http://${address}:3128` };
  context = (await stageSampleApp(image)).path;
  await until("the proxy listens", 60, () =>
    Promise.resolve(
      dockerStatus("exec", proxy, "python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 3128))")
        .code === 0,
    ),
  );
});
beforeEach(() => writeBuildNetwork(context, { caBundle: "", osMirror: "" }));
afterAll(() => {
  if (proxy) dockerStatus("rm", "-f", "-v", proxy);
  dockerStatus("rmi", "-f", OS_IMAGE);
  rmSync(folder, { recursive: true });
});

const read = (name: string): string => readFileSync(join(folder, name), "utf8");

function openssl(...args: string[]): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...args, ...key], { cwd: folder, stdio: "pipe" });
}

/** Builds a target. The hosts in `BLOCKED` cannot be reached, and all steps run. */
const build = (target: string, args: Record<string, string>, ...options: string[]): Promise<void> => {
  const blocked = BLOCKED.flatMap((host) => ["--add-host", `${host}:127.0.0.1`]);
  const all = buildArgs({ BASE: base, REBUILD: RUN, ...args });
  return dockerBuild(["--target", target, ...blocked, ...all, ...options], context);
};

/** The message of a build that fails. */
const failure = (...args: Parameters<typeof build>): Promise<string> =>
  build(...args).then(
    () => expect.fail("the build succeeded"),
    ({ message }: Error) => message,
  );

it("without settings, a build that reaches package servers only through a proxy says which setting is missing", async () => {
  expect(await failure("os", {})).toMatch(/cannot reach a package server\. Set build\.proxy .*indexes\.osPackages/);
});

it("without the certificate authority of the proxy, a build says which setting is missing", async () => {
  writeBuildNetwork(context, { caBundle: "", osMirror: `https://${MIRROR}` });
  expect(await failure("os", proxyArguments(network))).toMatch(/does not trust the certificate .* set build\.caBundle/);
  writeBuildNetwork(context, { caBundle: "", osMirror: "" }); // Debian's servers use HTTP, which the proxy does not change
  expect(await failure("web", proxyArguments(network))).toMatch(
    /does not trust the certificate .* set build\.caBundle/,
  );
});

it("with the settings, apt and uv use the proxy, its authority, the mirror, and all indexes; no image contains them", async () => {
  const settings = { caBundle: join(folder, "ca.pem"), osMirror: `https://${MIRROR}/` };
  writeBuildNetwork(context, settings);
  const indexes = { PYTHON_INDEX: `https://${EMPTY_INDEX}/simple/`, EXTRA_INDEXES: `https://${INDEX}/simple/` };
  const args = { ...proxyArguments(network), ...indexes };
  await build("web", args);
  const requests = docker("logs", proxy);
  expect(requests).toMatch(new RegExp(`GET https://${MIRROR}/debian/.*\\.deb`));
  expect(requests).toContain(`GET https://${EMPTY_INDEX}/simple/uvicorn/`);
  expect(requests).toContain(`GET https://${INDEX}/simple/uvicorn/`);
  expect(requests).toMatch(/GET https:\/\/files\.pythonhosted\.org\/.*uvicorn.*\.whl/);

  await build("os", args, "-t", OS_IMAGE);
  const count = (text: string): string => {
    const search = `docker save ${OS_IMAGE} | tar -xO | zcat -f | grep -a -c -F -e '${text}' || true`;
    return execFileSync("bash", ["-c", search], { encoding: "utf8", stdio: "pipe" }).trim();
  };
  expect(count("spatialforge:x:10001")).not.toBe("0"); // the layers are searched
  for (const text of [read("ca.pem").split("\n")[1], MIRROR, network.proxy]) expect(count(text)).toBe("0");
  const history = docker("history", "--no-trunc", OS_IMAGE) + docker("inspect", OS_IMAGE);
  expect(history).toContain(RUN); // the arguments of the build
  for (const text of [network.proxy, MIRROR, EMPTY_INDEX, INDEX]) expect(history).not.toContain(text);
});
