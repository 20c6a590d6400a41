import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { APPLICATION } from "../../stack/app/application";
import { RUN_NGINX } from "../../stack/docker/nginx";
import { MAXIMUM_BODY_MIB, proxyConfig } from "../../stack/docker/proxy";
import { SERVICE_IMAGES } from "../../stack/docker/service-images";
import { docker, until } from "../harness/engine";
import { buildImages, tagOf } from "../harness/images";
import { RESTRICTED, restarts, Sandbox } from "../harness/sandbox";

/** Seconds between the two parts of the stream. */
const PAUSE_S = 2;

/** A server that counts the bytes of a body, sends a stream in two parts, and echoes what it gets after an upgrade. */
const UPSTREAM = `
import asyncio

async def serve(reader, writer):
    head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode().lower()
    if "upgrade: websocket" in head and "connection: upgrade" in head:
        writer.write(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
        while data := await reader.read(1024):
            writer.write(data)
            await writer.drain()
    elif head.startswith("post"):
        length = remaining = int(head.split("content-length: ")[1].split("\\r\\n")[0])
        while remaining:
            remaining -= len(await reader.read(min(remaining, 1 << 20)))
        body = str(length)
        writer.write(f"HTTP/1.1 200 OK\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
    else:
        writer.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n6\\r\\nfirst\\n\\r\\n")
        await writer.drain()
        await asyncio.sleep(${PAUSE_S})
        writer.write(b"7\\r\\nsecond\\n\\r\\n0\\r\\n\\r\\n")
    await writer.drain()
    writer.close()

async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", ${APPLICATION.port}, limit=1 << 20) as server:
        await server.serve_forever()

asyncio.run(main())
`;

const sandbox = new Sandbox();
let proxy = "";
let port = 0;

beforeAll(async () => {
  await buildImages("cpu");
  sandbox.run("upstream", [...RESTRICTED, "--no-healthcheck"], tagOf("cpu"), "python", "-c", UPSTREAM);
  const config = ["-e", `NGINX_CONFIG=${proxyConfig("upstream")}`, "--memory", "128m"];
  const options = [...RESTRICTED, ...config, "-p", "127.0.0.1::8080", "--entrypoint", "/bin/sh"];
  proxy = sandbox.run("proxy", options, SERVICE_IMAGES.proxy, "-c", RUN_NGINX);
  port = Number(docker("port", proxy, "8080").split(":").at(-1));
  await until("the proxy answers", 30, () =>
    fetch(`http://127.0.0.1:${port}/-/proxy`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});
beforeAll(() => until("the upstream answers", 30, async () => (await upload(1)).status === 200));
afterAll(() => sandbox.remove());

/** Sends a body of zeros. Returns the status and the body of the response, which can arrive before the body is sent. */
function upload(bytes: number): Promise<{ status?: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method: "POST", headers: { "content-length": bytes } });
    let answered = false;
    outgoing.once("response", (response: IncomingMessage) => {
      answered = true;
      let text = "";
      response.on("data", (data: Buffer) => (text += data.toString()));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on("error", (error) => answered || reject(error));
    const chunk = Buffer.alloc(1 << 20);
    let sent = 0;
    const send = (): void => {
      while (sent < bytes && !answered && !outgoing.destroyed) {
        const size = Math.min(chunk.length, bytes - sent);
        sent += size;
        if (!outgoing.write(size < chunk.length ? chunk.subarray(0, size) : chunk))
          return void outgoing.once("drain", send);
      }
      outgoing.end();
    };
    send();
  });
}

it("a body of the maximum size arrives; a larger one is answered with 413; the proxy does not restart", async () => {
  const maximum = MAXIMUM_BODY_MIB * 1024 * 1024;
  expect(await upload(maximum)).toEqual({ status: 200, text: String(maximum) });
  expect(await upload(maximum + 1)).toMatchObject({ status: 413 });
  expect(await upload(1000)).toEqual({ status: 200, text: "1000" });
  expect(restarts(proxy)).toBe(0);
});

it("a streamed response arrives as it is sent", async () => {
  const arrivals = await new Promise<{ text: string; at: number }[]>((resolve, reject) => {
    const parts: { text: string; at: number }[] = [];
    request({ host: "127.0.0.1", port, path: "/stream" }, (response) => {
      response.on("data", (data: Buffer) => parts.push({ text: data.toString(), at: Date.now() }));
      response.on("end", () => resolve(parts));
    })
      .on("error", reject)
      .end();
  });
  expect(arrivals.map(({ text }) => text)).toEqual(["first\n", "second\n"]);
  expect(arrivals[1].at - arrivals[0].at).toBeGreaterThan((PAUSE_S * 1000) / 2);
});

it("a WebSocket connection is upgraded, and data passes in both directions", async () => {
  const received = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write("GET /ws HTTP/1.1\r\nHost: proxy\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
    );
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
      if (text.endsWith("\r\n\r\n")) socket.write("ping");
      if (text.endsWith("ping")) socket.end();
    });
    socket.once("close", () => resolve(text));
    socket.once("error", reject);
  });
  expect(received).toMatch(/^HTTP\/1\.1 101 /);
  expect(received).toMatch(/\r\n\r\nping$/);
});
