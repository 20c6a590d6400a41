import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { ROOT } from "../../stack/root";
import type { Emulator } from "./emulator";

export interface Answer {
  status: number;
  body: Buffer;
  headers: Record<string, string | string[] | undefined>;
}

/** Sends requests to the endpoints of the emulated AWS by their real URLs, as a client on the internet does. */
export class CloudClient {
  constructor(
    private readonly emulator: Emulator,
    private readonly key: string = "",
  ) {}

  /** A client that sends an API key. */
  withKey(key: string): CloudClient {
    return new CloudClient(this.emulator, key);
  }

  /** Sends a request. With a form, it is a POST request, and the example image is added to the form. */
  async send(url: string, form?: Record<string, string>): Promise<Answer> {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const secure = protocol === "https:";
    const address = this.emulator.addressOf(hostname, Number(port) || (secure ? 443 : 80));
    const body = form && (await encoded(form));
    const headers = {
      host: hostname,
      ...(this.key && { "x-api-key": this.key }),
      ...(body && { "content-type": body.type, "content-length": body.content.length }),
    };
    const options = { ...address, path: pathname + search, method: body ? "POST" : "GET", headers, agent: false };
    const tls = secure ? { servername: hostname, ca: readFileSync(authority()) } : {};
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)({ ...options, ...tls }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), headers: response.headers }),
        );
      });
      outgoing.on("error", reject).end(body?.content);
    });
  }

  /** Sends a request and returns the JSON of the response. @throws Error if the status is not a success. */
  async json(url: string, form?: Record<string, string>): Promise<Record<string, unknown>> {
    const { status, body } = await this.send(url, form);
    if (status >= 300) throw new Error(`${url} returned ${status}: ${body.toString()}`);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  }
}

/** Certificate of the authority that signs the certificates of the emulated endpoints. */
const authority = (): string => join(process.env.EMULATOR_CA ?? "", "ca.pem");

async function encoded(form: Record<string, string>): Promise<{ type: string; content: Buffer }> {
  const data = new FormData();
  data.set("image", new Blob([readFileSync(join(ROOT, "docs/example.png"))]), "example.png");
  for (const [name, value] of Object.entries(form)) data.set(name, value);
  const response = new Response(data);
  return { type: response.headers.get("content-type")!, content: Buffer.from(await response.arrayBuffer()) };
}
