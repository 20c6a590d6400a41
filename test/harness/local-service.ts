import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { IMAGES, type ImageName } from "../../stack/images/table";
import { cacheTag } from "../../stack/release/registry";
import { Clone } from "./clone";
import { docker } from "./engine";

const REGISTRY = "http://127.0.0.1:5001/v2/spatialforge";

/** The name under which an image is pushed, and which is its cache. */
export const cacheImage = (name: ImageName): string => `127.0.0.1:5001/spatialforge:${cacheTag(name)}`;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/** The services that `npm run up` starts. */
export const SERVICES = ["api", "worker", "beat", "redis", "objects", "registry", "proxy"] as const;
export type Service = (typeof SERVICES)[number];

export interface Layer {
  digest: string;
  /** bytes, compressed */
  size: number;
}
export type Layers = Record<ImageName, Layer[]>;

/** The service that a fresh clone's `npm run up` runs on this machine, as its users see it. */
export class LocalService {
  readonly url = "http://127.0.0.1:8000";
  readonly clone = new Clone();
  private key?: Promise<string>;
  /** What the engine had before. */
  private readonly before = things();

  /** `fresh`: with nothing installed, as a user has it. */
  constructor({ fresh = false } = {}) {
    if (!fresh) this.clone.linkDependencies();
  }

  /** `npm run up`, which must succeed; all that it said. */
  async up(): Promise<string> {
    const { code, text } = await this.clone.run("npm run up");
    expect(code, text).toBe(0);
    return text;
  }

  /** `npm run down`, which must leave the engine as it was, and no process. */
  async down(): Promise<void> {
    const { code, text } = await this.clone.run("npm run down");
    const left = this.clone.processes();
    this.clone.remove();
    expect(code, text).toBe(0);
    expect(things()).toEqual(this.before);
    expect(left).toEqual([]);
  }

  /** Absolute path of a file of the clone. */
  path(file: string): string {
    return join(this.clone.folder, file);
  }

  /** Changes a file of the clone; what it was. @throws Error when the change changes nothing. */
  edit(file: string, change: (text: string) => string): string {
    return this.clone.edit(file, change);
  }

  /** Runs with a changed file, and then puts the file back. */
  async edited<T>(file: string, change: (text: string) => string, run: () => Promise<T>): Promise<T> {
    const before = this.edit(file, change);
    try {
      return await run();
    } finally {
      writeFileSync(this.path(file), before);
    }
  }

  /** A request with an API key; a form, with the example image, makes it a POST. */
  async request(path: string, form?: Record<string, string>): Promise<Response> {
    // One call makes the key, however many requests wait for it.
    this.key ??= this.clone.run("npm run --silent key").then(({ text }) => text.trim());
    const body = form && new FormData();
    if (body) {
      body.set("image", new Blob([readFileSync(this.path("docs/example.png"))]), "example.png");
      for (const [name, value] of Object.entries(form)) body.set(name, value);
    }
    return fetch(this.url + path, { method: body ? "POST" : "GET", headers: { "X-API-Key": await this.key }, body });
  }

  /** What a request answers. @throws Error for every status but success. */
  async answer(path: string, form?: Record<string, string>): Promise<unknown> {
    const response = await this.request(path, form);
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
    return response.json();
  }

  /** Queues a job; its id. */
  async job(form: Record<string, string> = {}): Promise<string> {
    return ((await this.answer("/v1/reconstruct", form)) as { job_id: string }).job_id;
  }

  async jobStatus(job: string): Promise<string> {
    return ((await this.answer(`/v1/reconstruct/${job}`)) as { status: string }).status;
  }

  /** Id of the one container of a service. */
  container(service: Service): string {
    return docker("ps", "-q", "--no-trunc", "--filter", `label=spatialforge.service=${service}`);
  }

  health(service: Service): string {
    return docker("inspect", "-f", "{{.State.Health.Status}}", this.container(service));
  }

  /** What the registry holds for each image. */
  async layers(): Promise<Layers> {
    const of = async (name: ImageName) => {
      const response = await fetch(`${REGISTRY}/manifests/${cacheTag(name)}`, { headers: { accept: MANIFEST } });
      return ((await response.json()) as { layers: Layer[] }).layers;
    };
    return Object.fromEntries(
      await Promise.all(IMAGES.map(async ({ name }) => [name, await of(name)] as const)),
    ) as Layers;
  }

  /** Ids of the releases that the registry holds. */
  async releases(): Promise<string[]> {
    const { tags } = (await (await fetch(`${REGISTRY}/tags/list`)).json()) as { tags: string[] };
    return [...new Set(tags.flatMap((tag) => /^release-(.*)-cpu$/.exec(tag)?.[1] ?? []))];
  }
}

/** Layers of each image that were in no image before. */
export function added(before: Layers, now: Layers): Layer[][] {
  const known = new Set(Object.values(before).flatMap((layers) => layers.map(({ digest }) => digest)));
  return Object.values(now).map((layers) => layers.filter(({ digest }) => !known.has(digest)));
}

/** Containers, volumes and networks of the engine. */
const things = () =>
  [docker("ps", "-aq"), docker("volume", "ls", "-q"), docker("network", "ls", "-q")].join("\n").split("\n").sort();
