import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { APPLICATION } from "../../stack/app/application";
import { SERVICE_IMAGES } from "../../stack/docker/service-images";
import { docker, dockerStatus } from "./engine";

/** Restrictions with which every platform runs the images: a read-only root file system, no capabilities, no new privileges. */
export const RESTRICTED = [
  ...["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"],
  ...["--security-opt", "no-new-privileges"],
];

const ADMIN_KEY = "sf_admin_for_tests_only";
/** Variables of the application for the containers of a sandbox. */
export const APP = {
  REDIS_URL: "redis://redis:6379/0",
  MINIO_ENDPOINT: "objects:9000",
  MINIO_ACCESS_KEY: "for-tests-only",
  MINIO_SECRET_KEY: "for-tests-only",
  MINIO_BUCKET: "spatialforge",
  API_KEY_SECRET: "for tests only, and long enough for it",
  ADMIN_API_KEY: ADMIN_KEY,
};

/** A PNG image of 8 x 8 black pixels. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADElEQVR42mNgoA4AAABIAAEQRe/SAAAAAElFTkSuQmCC";

export type Role = "api" | "worker" | "beat";

/** Containers on a network of their own, without Pulumi: the environment that a test of an image needs. */
export class Sandbox {
  private readonly name = `spatialforge-test-${randomBytes(4).toString("hex")}`;
  private readonly containers: string[] = [];

  constructor() {
    docker("network", "create", this.name);
  }

  /** Starts a container that the others reach by a name. Returns its id. */
  run(name: string, options: string[], image: string, ...command: string[]): string {
    const network = ["--network", this.name, "--network-alias", name];
    const id = docker("run", "-d", "--restart", "unless-stopped", ...network, ...options, image, ...command);
    this.containers.push(id);
    return id;
  }

  /** Starts Redis. If it has a password, the application needs it in `REDIS_URL`. */
  redis(password?: string): string {
    const [auth, command] = password
      ? [
          ["-e", `REDISCLI_AUTH=${password}`],
          ["redis-server", "--requirepass", password],
        ]
      : [[], []];
    return this.run("redis", ["--tmpfs", "/data", ...auth], SERVICE_IMAGES.redis, ...command);
  }

  objects(): string {
    const keys = ["-e", `ROOT_ACCESS_KEY=${APP.MINIO_ACCESS_KEY}`, "-e", `ROOT_SECRET_KEY=${APP.MINIO_SECRET_KEY}`];
    const command = `mkdir -p /var/tmp/${APP.MINIO_BUCKET} && exec versitygw --port :9000 posix /var/tmp`;
    return this.run("objects", [...keys, "--entrypoint", "/bin/sh"], SERVICE_IMAGES.objectStore, "-c", command);
  }

  /**
   * Starts a role of the application.
   * @param interval - seconds between two health checks, each of which takes up to 1 s of CPU
   * @param more - further options of `docker run`
   */
  app(role: Role, image: string, env: Record<string, string> = {}, interval = 1, more: string[] = []): string {
    const options = Object.entries({ ...APP, ...env }).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    options.push("--health-interval", `${interval}s`, "--health-timeout", "15s");
    options.push("--health-start-period", "1s", "--health-retries", "1");
    if (role === "api") options.push("-p", `127.0.0.1::${APPLICATION.port}`);
    return this.run(role, [...RESTRICTED, ...options, ...more], image, role);
  }

  /** Runs a command of an image in the environment of the application until it ends, without blocking other tests. */
  async once(
    image: string,
    command: string[],
    env: Record<string, string> = {},
    options: string[] = [],
  ): Promise<{ code: number; text: string }> {
    const variables = Object.entries({ ...APP, ...env }).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    const run = ["run", "--rm", "--network", this.name, ...RESTRICTED, ...variables, ...options, image, ...command];
    return promisify(execFile)("docker", run).then(
      ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, text: stdout + stderr }),
    );
  }

  /** Creates an API key through an API of this sandbox. */
  async apiKey(api: string): Promise<string> {
    return (await this.post(api, "/v1/admin/keys?owner=test", ADMIN_KEY)).api_key;
  }

  /** Queues a job that lasts some seconds, through an API of this sandbox. Returns its id. */
  async job(api: string, seconds: number): Promise<string> {
    const form = new FormData();
    form.set("work_seconds", String(seconds));
    form.set("image", new Blob([Buffer.from(PNG, "base64")]), "image.png");
    return (await this.post(api, "/v1/reconstruct", await this.apiKey(api), form)).job_id;
  }

  private async post(api: string, path: string, key: string, body?: FormData): Promise<Record<string, string>> {
    const address = `http://${docker("port", api, String(APPLICATION.port)).split("\n")[0]}`;
    const response = await fetch(`${address}${path}`, { method: "POST", headers: { "X-API-Key": key }, body });
    if (!response.ok) throw new Error(`${path} returned ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, string>;
  }

  /** State of a job in Redis as Celery writes it. Empty if there is none yet. */
  jobState(redis: string, job: string): string {
    return /"status": "(\w+)"/.exec(docker("exec", redis, "redis-cli", "get", `celery-task-meta-${job}`))?.[1] ?? "";
  }

  /** Removes one container before the others. */
  end(id: string): void {
    docker("rm", "-f", "-v", id);
    this.containers.splice(this.containers.indexOf(id), 1);
  }

  remove(): void {
    if (this.containers.length > 0) dockerStatus("rm", "-f", "-v", ...this.containers);
    dockerStatus("network", "rm", this.name);
  }
}

/** A test that gets a sandbox of its own. */
export const inSandbox = (test: (sandbox: Sandbox) => Promise<void>) => async (): Promise<void> => {
  const sandbox = new Sandbox();
  try {
    await test(sandbox);
  } finally {
    sandbox.remove();
  }
};

/** `healthy`, `unhealthy`, or `starting`, and the last line of the container's health check. */
export function healthOf(id: string): { status: string; line: string } {
  const format = "{{with .State.Health}}{{.Status}}{{range .Log}}\n{{.Output}}{{end}}{{end}}";
  const [status, ...lines] = docker("inspect", "-f", format, id).split("\n").filter(Boolean);
  return { status, line: lines.at(-1) ?? "" };
}

export const restarts = (id: string): number => Number(docker("inspect", "-f", "{{.RestartCount}}", id));

export const exitCode = (id: string): string => docker("inspect", "-f", "{{.State.ExitCode}}", id);

/** Sends SIGTERM to a container, and SIGKILL after some seconds. Does not block the tests that run at the same time. */
export async function stop(id: string, seconds: number): Promise<void> {
  await promisify(execFile)("docker", ["stop", "-t", String(seconds), id]);
}

/** Sends a signal to the main process of the application, as a fault does. The init is not affected. */
export function signal(id: string, name: "STOP" | "CONT" | "KILL"): void {
  const code = `import os, signal, healthcheck; os.kill(healthcheck.main_process(), signal.SIG${name})`;
  docker("exec", id, "python", "-c", code);
}
