import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { LABELS } from "../../stack/clients/docker";
import { IMAGES, type ImageName } from "../../stack/images/catalog";
import { localRepository } from "../../stack/registry/registry";
import { cacheTag } from "../../stack/registry/tags";
import { Clone } from "./clone";
import { docker, dockerStatus } from "./engine";

const REPOSITORY = localRepository(5001);
const REGISTRY_API = `http://${REPOSITORY.replace("/", "/v2/")}`;
const MANIFEST_TYPES =
  "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/** The name that an image is pushed under. It is also the build cache of the image. */
export const cacheImage = (name: ImageName): string => `${REPOSITORY}:${cacheTag(name)}`;

/** The settings file of the stack. */
export const SETTINGS = "Pulumi.local.yaml";

/** The services that `npm run up` starts. */
export const SERVICES = ["api", "worker", "beat", "redis", "objects", "registry", "proxy"] as const;
export type Service = (typeof SERVICES)[number];

export interface Layer {
  digest: string;
  /** bytes, compressed */
  size: number;
}
export type Layers = Record<ImageName, Layer[]>;

/** The service of a fresh clone on the Docker engine of this machine, operated as a user does it. */
export class LocalService {
  readonly url = "http://127.0.0.1:8000";
  readonly clone = new Clone();
  /** All output of the last `npm run up` that succeeded. */
  output = "";
  private key?: Promise<string>;
  private readonly initialInventory = inventory();
  private readonly initialImages = imageIds();

  /** Runs `npm run up` with options, and returns all its output. The update must succeed. */
  async up(...options: string[]): Promise<string> {
    const { code, text } = await this.clone.run(
      ["npm run up", ...(options.length ? ["--", ...options] : [])].join(" "),
    );
    expect(code, text).toBe(0);
    return (this.output = text);
  }

  /** Removes everything. `npm run down` must succeed, leave the engine as it was before the test, and leave no process. */
  async down(): Promise<void> {
    const own = this.resources();
    const { code, text } = await this.clone.run("npm run down");
    const processes = this.clone.processes();
    const remaining = inventory();
    this.clean(own);
    expect(code, text).toBe(0);
    expect(warnings(text)).toEqual([]);
    expect(remaining).toEqual(this.initialInventory);
    expect(processes).toEqual([]);
  }

  /** Deploys the service again after a failed test, so that the next tests have one. */
  async recover(): Promise<void> {
    await this.clone.run("npm run up");
  }

  /** Absolute path of a file in the clone. */
  path(file: string): string {
    return join(this.clone.folder, file);
  }

  /** Changes a file in the clone and returns its previous content. @throws Error if the change has no effect. */
  edit(file: string, change: (text: string) => string): string {
    return this.clone.edit(file, change);
  }

  /** Changes a file in the clone while a function runs. */
  async withEdit<T>(file: string, change: (text: string) => string, run: () => Promise<T>): Promise<T> {
    const before = this.edit(file, change);
    try {
      return await run();
    } finally {
      writeFileSync(this.path(file), before);
    }
  }

  /** Sends a request with an API key. With a form, it is a POST request, and the example image is added to the form. */
  async request(path: string, form?: Record<string, string>): Promise<Response> {
    const body = form && new FormData();
    if (body) {
      body.set("image", new Blob([readFileSync(this.path("docs/example.png"))]), "example.png");
      for (const [name, value] of Object.entries(form)) body.set(name, value);
    }
    return fetch(this.url + path, {
      method: body ? "POST" : "GET",
      headers: { "X-API-Key": await this.apiKey() },
      body,
    });
  }

  /** The API key of this test. All requests share it. */
  private apiKey(): Promise<string> {
    this.key ??= this.clone.run("npm run --silent key").then(({ code, text }) => {
      if (code === 0) return text.trim();
      this.key = undefined;
      throw new Error(text);
    });
    return this.key;
  }

  /** Sends a request and returns the JSON of the response. @throws Error if the status is not a success. */
  async json(path: string, form?: Record<string, string>): Promise<unknown> {
    const response = await this.request(path, form);
    if (!response.ok) throw new Error(`${path} returned ${response.status}: ${await response.text()}`);
    return response.json();
  }

  /** Queues a job and returns its ID. */
  async job(form: Record<string, string> = {}): Promise<string> {
    return ((await this.json("/v1/reconstruct", form)) as { job_id: string }).job_id;
  }

  async jobStatus(job: string): Promise<string> {
    return ((await this.json(`/v1/reconstruct/${job}`)) as { status: string }).status;
  }

  /** IDs of all containers, running or not. */
  containers(): string[] {
    return ids("ps", "-aq", "--no-trunc", ...this.ownContainers);
  }

  /** ID of the container of a service. Several IDs, one in each line, if an update has left several containers. */
  container(service: Service): string {
    return docker("ps", "-q", "--no-trunc", ...this.ownContainers, "--filter", `label=${LABELS.service}=${service}`);
  }

  health(service: Service): string {
    return docker("inspect", "-f", "{{.State.Health.Status}}", this.container(service));
  }

  /** Layers of each image in the registry. */
  async layers(): Promise<Layers> {
    const layersOf = async (name: ImageName) => {
      const url = `${REGISTRY_API}/manifests/${cacheTag(name)}`;
      const response = await fetch(url, { headers: { accept: MANIFEST_TYPES } });
      return ((await response.json()) as { layers: Layer[] }).layers;
    };
    return Object.fromEntries(
      await Promise.all(IMAGES.map(async ({ name }) => [name, await layersOf(name)] as const)),
    ) as Layers;
  }

  /** All tags in the registry. */
  async tags(): Promise<string[]> {
    return ((await (await fetch(`${REGISTRY_API}/tags/list`)).json()) as { tags: string[] }).tags;
  }

  /** IDs of the releases in the registry. */
  async releases(): Promise<string[]> {
    const tags = await this.tags();
    return [...new Set(tags.flatMap((tag) => /^release-(.*)-cpu$/.exec(tag)?.[1] ?? []))];
  }

  /** Docker filter for the containers of this service. */
  private get ownContainers(): string[] {
    return ["--filter", `label=${LABELS.folder}=${this.clone.folder}`];
  }

  /** The containers, and the volumes and networks that they use. */
  private resources(): Resources {
    const containers = this.containers();
    const inspect = (format: string) => (containers.length > 0 ? ids("inspect", "-f", format, ...containers) : []);
    return {
      containers,
      volumes: inspect("{{range .Mounts}}{{println .Name}}{{end}}"),
      networks: inspect("{{range $name, $network := .NetworkSettings.Networks}}{{println $name}}{{end}}"),
    };
  }

  /** Removes what `npm run down` leaves by design, which is the images, and everything that it left because it failed. */
  private clean({ containers, volumes, networks }: Resources): void {
    this.clone.killProcesses();
    for (const id of containers) dockerStatus("rm", "-f", "-v", id);
    for (const name of new Set(volumes)) dockerStatus("volume", "rm", name);
    for (const name of new Set(networks)) dockerStatus("network", "rm", name);
    const images = imageIds().filter((id) => !this.initialImages.includes(id));
    if (containers.length > 0) dockerStatus("rmi", "-f", ...images);
    this.clone.remove();
  }
}

interface Resources {
  containers: string[];
  volumes: string[];
  networks: string[];
}

/** Lines of an output with a warning. A warning about the npm configuration of this machine does not count. */
export const warnings = (output: string): string[] =>
  output.split("\n").filter((line) => /warn|deprecat/i.test(line) && !/^npm warn Unknown \w+ config /.test(line));

/** Layers of each image that no image had before. */
export function newLayers(before: Layers, now: Layers): Layer[][] {
  const known = new Set(Object.values(before).flatMap((layers) => layers.map(({ digest }) => digest)));
  return Object.values(now).map((layers) => layers.filter(({ digest }) => !known.has(digest)));
}

const ids = (...args: string[]): string[] =>
  docker(...args)
    .split("\n")
    .filter(Boolean);

/** All containers, volumes, and networks of the engine. */
const inventory = (): string[] =>
  [...ids("ps", "-aq"), ...ids("volume", "ls", "-q"), ...ids("network", "ls", "--format", "{{.Name}}")].sort();

/** Images that the updates push, that the commands of the README build, and that have lost their last name. */
const imageIds = (): string[] => {
  const named = [REPOSITORY, "spatialforge"].flatMap((repository) => ids("images", "-q", "--no-trunc", repository));
  const label = "label=org.opencontainers.image.title=spatialforge";
  return [...new Set([...named, ...ids("images", "-q", "--no-trunc", "--filter", "dangling=true", "--filter", label)])];
};
