/** Requests to a registry: its address, its credentials, and its errors. */
import { userError } from "../pulumi/user-error";

export interface Credentials {
  username: string;
  password: string;
}

/** Token of an authorization service. Source: https://distribution.github.io/distribution/spec/auth/token/ */
export interface Token {
  token: string;
}

/** Timeout of a request, including its response. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A repository in a registry, and the login with which it is reached. */
export class RegistryHttp {
  readonly api: string;
  /** Name of the repository, without the host. */
  readonly name: string;
  private readonly headers: Record<string, string>;

  /**
   * @param repository - `HOST/NAME`
   * @param login - none for the registry on this machine
   * @param tls - default: true with a login, because the registry on this machine is reached without TLS
   */
  constructor(
    readonly repository: string,
    login?: Credentials | Token,
    tls = !!login,
  ) {
    const slash = repository.indexOf("/");
    this.api = `${tls ? "https" : "http"}://${repository.slice(0, slash)}/v2/`;
    this.name = repository.slice(slash + 1);
    this.headers = login ? { authorization: authorizationOf(login) } : {};
  }

  /** URL of a manifest, a blob, or a list. */
  url(kind: string, reference: string): string {
    return `${this.api}${this.name}/${kind}/${reference}`;
  }

  /** Sends a request. @throws RunError if the registry rejects it */
  async mustRequest(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.request(url, init);
    if (response.ok) return response;
    throw this.rejected(init.method ?? "GET", url, response);
  }

  rejected(method: string, url: string, { status }: Response): Error {
    return userError(`the registry rejected ${method} ${new URL(url).pathname} of ${this.repository} (HTTP ${status})`);
  }

  /** Sends a request. @param init - its signal replaces the timeout of 10 s */
  request(url: string, init: RequestInit = {}): Promise<Response> {
    // A registry can name a signed URL of its storage, which accepts no other credentials and must not see those of the registry. On a
    // redirect to another origin, fetch removes the header `authorization`.
    const login = new URL(url).origin === new URL(this.api).origin ? this.headers : {};
    const headers = { ...login, ...(init.headers as Record<string, string>) };
    return fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS), ...init, headers });
  }
}

/** Value of the header `authorization`. */
export const authorizationOf = (login: Credentials | Token): string =>
  "token" in login
    ? `Bearer ${login.token}`
    : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
