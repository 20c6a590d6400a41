import { request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { APPLICATION } from "../../stack/app/application";
import { DENIED_PATHS, equivalentPaths, toRegExp } from "../../stack/config/path-patterns";
import { nginxConfig, RUN_NGINX } from "../../stack/docker/nginx";
import { SERVICE_IMAGES } from "../../stack/docker/service-images";
import { docker, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { Sandbox } from "../harness/sandbox";

/** A proxy that compares and forwards the path as the client sent it, as the load balancer does. */
function proxyConfig(patterns: readonly string[], denied: readonly string[]): string {
  const lines = (list: readonly string[], forwarded: 0 | 1) =>
    list.map((pattern) => `"~${toRegExp(pattern).source.replace(/[\\"]/g, "\\$&")}" ${forwarded};`).join("\n    ");
  return nginxConfig(`  map $request_uri $path { "~^(?<sent>[^?]*)" $sent; }
  map $path $forwarded {
    default 0;
    ${lines(denied, 0)}
    ${lines(patterns, 1)}
  }
  server {
    listen 8080;
    merge_slashes off;
    if ($forwarded = 0) { return 404; }
    location / { proxy_pass http://api:${APPLICATION.port}; proxy_set_header Host $http_host; }
  }
`);
}

const sandbox = new Sandbox();
/** Host port of each proxy. */
const ports: Record<string, number> = {};

function proxy(name: string, patterns: readonly string[], denied = DENIED_PATHS): void {
  const config = ["-e", `NGINX_CONFIG=${proxyConfig(patterns, denied)}`];
  const options = [...config, "-p", "127.0.0.1::8080", "--entrypoint", "/bin/sh"];
  const id = sandbox.run(name, options, SERVICE_IMAGES.proxy, "-c", RUN_NGINX);
  ports[name] = Number(docker("port", id, "8080").split(":").at(-1));
}

/** Requests a path without any change to it. */
function get(name: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port: ports[name], path }, (answer) => {
      let body = "";
      answer.on("data", (data: Buffer) => (body += data.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    outgoing.on("error", reject).end();
  });
}

/** Whether an answer is from an internal path: the metrics, or the administration, which requires its key. */
const isInternal = ({ status, body }: { status: number; body: string }): boolean =>
  /# HELP|# TYPE/.test(body) || status === 307 || ([401, 403, 405].includes(status) && !/not found/i.test(body));

const INTERNAL = ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status"];
/** Equivalent paths, alone and appended to public paths. */
const ATTEMPTS = INTERNAL.flatMap((path) => [
  ...equivalentPaths(path),
  ...["/static", "/v1/reconstruct", "/v1/reconstruct/x"].flatMap((prefix) =>
    ["/..", "/%2e%2e", "/.%2e", "/..;", "/%2e%2e%2f..", "\\..", "//..", "/../..", "/%2e%2e/%2e%2e"].map(
      (up) => `${prefix}${up}${path}`,
    ),
  ),
  ...equivalentPaths(path).map((equivalent) => `/static/..${equivalent}`),
]);

beforeAll(async () => {
  await buildImages("cpu");
  sandbox.redis();
  sandbox.objects();
  sandbox.app("api", tagOf("cpu"));
  proxy("load-balancer", APPLICATION.publicPaths);
  proxy("without-denied", APPLICATION.publicPaths, []);
  proxy("wide", ["/*"], []);
  const answers = (name: string) =>
    get(name, APPLICATION.healthPath).then(
      ({ status }) => status === 200,
      () => false, // it is not listening yet
    );
  for (const name of Object.keys(ports)) await until(`the API answers through ${name}`, 60, () => answers(name));
});
afterAll(() => sandbox.remove());

it("no equivalent of an internal path is forwarded", async () => {
  expect(ATTEMPTS.length).toBeGreaterThan(200);
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInternal(await get("load-balancer", path))) open.push(path);
  expect(open).toEqual([]);
});

it("even without denied paths: the application does not resolve dots", async () => {
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInternal(await get("without-denied", path))) open.push(path);
  expect(open).toEqual([]);
});

it("the same requests succeed with a wider pattern", async () => {
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInternal(await get("wide", path))) open.push(path);
  expect(open).toEqual(expect.arrayContaining(["/metrics/", "/v1/admin/keys", "/v1/admin/status"]));
  // uvicorn decodes paths once
  expect(open).toContain("/%6detrics/");
});

it.each([
  ["/", 200],
  ["/health", 200],
  ["/docs", 200],
  ["/openapi.json", 200],
  ["/static/about.html", 200],
  ["/v1/billing/usage", 401],
  ["/v1/reconstruct/3f2a", 401],
  ["/v1/depth", 405],
  ["/v1/reconstruct", 405],
])("%s is forwarded", async (path, status) => {
  expect((await get("load-balancer", path)).status).toBe(status);
});
