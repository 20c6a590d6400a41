import { randomBytes } from "node:crypto";
import { BACKING_IMAGES } from "../../stack/docker/backing";
import { docker, dockerStatus } from "./engine";

/** What a service runs with everywhere: a read-only root, no capabilities, no way to new privileges. */
export const LOCKED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

const ADMIN_KEY = "sf_admin_for_tests_only";
const APP = {
  REDIS_URL: "redis://redis:6379/0",
  MINIO_ENDPOINT: "objects:9000",
  MINIO_ACCESS_KEY: "for-tests-only",
  MINIO_SECRET_KEY: "for-tests-only",
  MINIO_BUCKET: "spatialforge",
  API_KEY_SECRET: "for tests only, and long enough for it",
  ADMIN_API_KEY: ADMIN_KEY,
};

/** Containers on a network of their own, by Docker alone: what a test of one image needs around it. */
export class Sandbox {
  private readonly name = `spatialforge-test-${randomBytes(4).toString("hex")}`;
  private readonly containers: string[] = [];

  constructor() {
    docker("network", "create", this.name);
  }

  /** Starts a container that the others reach by a name; its id. */
  run(name: string, options: string[], image: string, ...command: string[]): string {
    const on = ["--network", this.name, "--network-alias", name];
    const id = docker("run", "-d", "--restart", "unless-stopped", ...on, ...options, image, ...command);
    this.containers.push(id);
    return id;
  }

  /** Starts Redis; with a password, of which the application must be told in `REDIS_URL`. */
  redis(password?: string): string {
    const [auth, command] = password
      ? [
          ["-e", `REDISCLI_AUTH=${password}`],
          ["redis-server", "--requirepass", password],
        ]
      : [[], []];
    return this.run("redis", ["--tmpfs", "/data", ...auth], BACKING_IMAGES.redis, ...command);
  }

  objects(): string {
    const keys = ["-e", `ROOT_ACCESS_KEY=${APP.MINIO_ACCESS_KEY}`, "-e", `ROOT_SECRET_KEY=${APP.MINIO_SECRET_KEY}`];
    const command = `mkdir -p /var/tmp/${APP.MINIO_BUCKET} && exec versitygw --port :9000 posix /var/tmp`;
    return this.run("objects", [...keys, "--entrypoint", "/bin/sh"], BACKING_IMAGES.objects, "-c", command);
  }

  /** Starts a role of the application whose health is asked every so many seconds: each time costs up to 1 s of CPU. */
  app(role: "api" | "worker" | "beat", image: string, env: Record<string, string> = {}, every = 1): string {
    const variables = Object.entries({ ...APP, ...env }).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    const checks = ["--health-interval", `${every}s`, "--health-timeout", "15s", "--health-start-period", "1s"];
    return this.run(role, [...LOCKED, ...variables, ...checks, "--health-retries", "2"], image, role);
  }

  /** Queues a job that lasts some seconds, through an API of this sandbox; its id. */
  job(api: string, seconds: number): string {
    const code = `
import io, json, urllib.request
from PIL import Image
from spatialforge.main import app
def post(path, data, **headers):
    return json.load(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8000" + path, data, headers, method="POST")))
key = post("/v1/admin/keys?owner=test", b"", **{"X-API-Key": "${ADMIN_KEY}"})["api_key"]
png = io.BytesIO(); Image.new("L", (8, 8)).save(png, "PNG")
form = b'--B\\r\\nContent-Disposition: form-data; name="work_seconds"\\r\\n\\r\\n${seconds}\\r\\n'
form += b'--B\\r\\nContent-Disposition: form-data; name="image"; filename="i.png"\\r\\n\\r\\n' + png.getvalue() + b"\\r\\n--B--\\r\\n"
print(post("/v1/reconstruct", form, **{"X-API-Key": key, "Content-Type": "multipart/form-data; boundary=B"})["job_id"])`;
    return docker("exec", api, "python", "-c", code);
  }

  /** State of a job in Redis, as Celery writes it; empty while there is none. */
  jobState(redis: string, job: string): string {
    return /"status": "(\w+)"/.exec(docker("exec", redis, "redis-cli", "get", `celery-task-meta-${job}`))?.[1] ?? "";
  }

  /** Ends one container before the others. */
  end(id: string): void {
    docker("rm", "-f", "-v", id);
    this.containers.splice(this.containers.indexOf(id), 1);
  }

  remove(): void {
    for (const id of this.containers) dockerStatus("rm", "-f", "-v", id);
    dockerStatus("network", "rm", this.name);
  }
}

/** `healthy`, `unhealthy` or `starting`. */
export const health = (id: string): string => docker("inspect", "-f", "{{.State.Health.Status}}", id);

/** The last line that a container's health check said. */
export const reason = (id: string): string =>
  docker("inspect", "-f", "{{with .State.Health}}{{range .Log}}{{.Output}}{{end}}{{end}}", id)
    .split("\n")
    .filter(Boolean)
    .at(-1) ?? "";

export const restarts = (id: string): number => Number(docker("inspect", "-f", "{{.RestartCount}}", id));

/** Sends a signal to the application's main process, as a fault does; the init stays. */
export function signal(id: string, name: "STOP" | "CONT" | "KILL"): void {
  const code = `import os, signal, healthcheck; os.kill(healthcheck.main_process(), signal.SIG${name})`;
  docker("exec", id, "python", "-c", code);
}
