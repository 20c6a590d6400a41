import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { onTestFinished, vi } from "vitest";

/** Answer to a request: a buffer as it is, anything else as JSON. A function gets the URL of the request. */
type Answer = object | ((url: URL) => object | undefined);

/**
 * Starts a Docker engine that only answers requests, and sets DOCKER_HOST for the test that is running.
 *
 * @param answers - answers by path, such as `/containers/json`. Every other path is answered with 404.
 * @returns the address of the engine
 */
export async function fakeEngine(answers: Record<string, Answer> = {}): Promise<string> {
  const all: Record<string, Answer> = {
    "/version": { Version: "26.1.5" },
    "/info": { Runtimes: { runc: {} }, Architecture: "aarch64" },
    "/containers/json": [],
    ...answers,
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://engine");
    const answer: Answer | undefined = all[url.pathname];
    const body = typeof answer === "function" ? answer(url) : answer;
    if (!body) response.writeHead(404).end("{}");
    else if (Buffer.isBuffer(body)) response.end(body);
    else response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  return useEngineAt(await listen(server));
}

/** Points to a port without a Docker engine, for the test that is running. */
export const noEngine = (): void => void useEngineAt(9);

/** The Docker configuration of the user is not read. */
function useEngineAt(port: number): string {
  const address = `tcp://127.0.0.1:${port}`;
  vi.stubEnv("DOCKER_HOST", address);
  vi.stubEnv("DOCKER_CONFIG", "/nonexistent");
  onTestFinished(() => void vi.unstubAllEnvs());
  return address;
}

/** Listens on a free port of the loopback address until the test that is running has finished. Returns the port. */
export async function listen(
  server: Server | TcpServer = createTcpServer((socket) => socket.destroy()),
): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
