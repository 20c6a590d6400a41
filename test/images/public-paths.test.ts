import { request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asRegExp, DENIED_PATHS, PUBLIC_PATHS, spellings } from "../../stack/aws/public-paths";
import { BACKING_IMAGES } from "../../stack/docker/backing";
import { nginxConfig, RUN_NGINX } from "../../stack/docker/nginx";
import { docker, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { Sandbox } from "../harness/sandbox";

/** A proxy that decides by the path as it was sent, and passes it on as it was sent: what the load balancer does. */
function proxyConfig(patterns: readonly string[], denied: readonly string[]): string {
  const lines = (list: readonly string[], verdict: number) =>
    list.map((pattern) => `"~${asRegExp(pattern).source.replace(/[\\"]/g, "\\$&")}" ${verdict};`).join("\n    ");
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
    location / { proxy_pass http://api:8000; proxy_set_header Host $http_host; }
  }
`);
}

const around = new Sandbox();
const published: Record<string, number> = {};

function proxy(name: string, patterns: readonly string[], denied = DENIED_PATHS): void {
  const options = [
    "-e",
    `NGINX_CONFIG=${proxyConfig(patterns, denied)}`,
    "-p",
    "127.0.0.1::8080",
    "--entrypoint",
    "/bin/sh",
  ];
  const id = around.run(name, options, BACKING_IMAGES.proxy, "-c", RUN_NGINX);
  published[name] = Number(docker("port", id, "8080").split(":").at(-1));
}

/** A request whose path is sent as it stands. */
function get(name: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: published[name], path }, (answer) => {
      let body = "";
      answer.on("data", (data: Buffer) => (body += data.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    asked.on("error", reject).end();
  });
}

/** Whether an answer is from what must stay inside: the metrics, or the administration, which asks for its key. */
const isInside = ({ status, body }: { status: number; body: string }): boolean =>
  /# HELP|# TYPE/.test(body) || status === 307 || ([401, 403, 405].includes(status) && !/not found/i.test(body));

const INSIDE = ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status"];
/** All spellings, alone and behind what is public. */
const ATTEMPTS = INSIDE.flatMap((path) => [
  ...spellings(path),
  ...["/static", "/v1/reconstruct", "/v1/reconstruct/x"].flatMap((prefix) =>
    ["/..", "/%2e%2e", "/.%2e", "/..;", "/%2e%2e%2f..", "\\..", "//..", "/../..", "/%2e%2e/%2e%2e"].map(
      (up) => `${prefix}${up}${path}`,
    ),
  ),
  ...spellings(path).map((spelling) => `/static/..${spelling}`),
]);

beforeAll(async () => {
  await buildImages();
  around.redis();
  around.objects();
  around.app("api", tagOf("cpu"));
  proxy("entry", PUBLIC_PATHS);
  proxy("undenied", PUBLIC_PATHS, []);
  proxy("wide", ["/*"], []);
  const answers = (name: string) =>
    get(name, "/health").then(
      ({ status }) => status === 200,
      () => false, // it does not listen yet
    );
  for (const name of Object.keys(published)) await until(`the API answers through ${name}`, 60, () => answers(name));
});
afterAll(() => around.remove());

it("no spelling of the metrics or the administration gets through", async () => {
  expect(ATTEMPTS.length).toBeGreaterThan(200);
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInside(await get("entry", path))) open.push(path);
  expect(open).toEqual([]);
});

it("nor would one without the rules that deny: the application itself resolves no dots", async () => {
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInside(await get("undenied", path))) open.push(path);
  expect(open).toEqual([]);
});

it("the same attempts find what a wider pattern opens", async () => {
  const open: string[] = [];
  for (const path of ATTEMPTS) if (isInside(await get("wide", path))) open.push(path);
  expect(open).toEqual(expect.arrayContaining(["/metrics/", "/v1/admin/keys", "/v1/admin/status"]));
  // uvicorn decodes once
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
])("%s reaches the application", async (path, status) => {
  expect((await get("entry", path)).status).toBe(status);
});
