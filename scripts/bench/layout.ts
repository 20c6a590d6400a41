import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completeBuildCache } from "../../stack/registry/build-cache";
import { Registry, type Descriptor } from "../../stack/registry/registry";
import { docker } from "./engine";

/** A build context of the API image, and how its layers are ordered. */
export interface Layout {
  name: string;
  /** Absolute path of the build context. */
  context: string;
  target: string;
  args: Record<string, string>;
  /** Module of the application that a code change edits, relative to the context. */
  module: string;
}

/** What a build and a push took. */
export interface Measurement {
  /** seconds */
  build: number;
  /** seconds */
  push: number;
  /** Steps that installed packages. */
  installs: number;
  /** Layers that the image before this one does not have. */
  newLayers: Descriptor[];
  layers: Descriptor[];
}

/** bytes, compressed */
export const bytesOf = (layers: readonly Descriptor[]): number => layers.reduce((sum, { size }) => sum + size, 0);

const INSTALL = /install\.py|pip install|apt-get install|os\.sh/;

/** Number of steps of a build log that ran and installed packages. */
export function countInstalls(log: string): number {
  const step = (line: string) => /^#(\d+) /.exec(line)?.[1];
  const lines = log.split("\n");
  const cached = new Set(lines.filter((line) => /^#\d+ CACHED/.test(line)).map(step));
  const runs = lines.filter((line) => /^#\d+ \[.*\] RUN /.test(line) && INSTALL.test(line));
  return new Set(runs.map(step).filter((number) => !cached.has(number))).size;
}

/** Builds and pushes one layout. Each has a Buildx configuration of its own, as if each were the only one on the engine. */
export class Builder {
  private readonly buildx = mkdtempSync(join(tmpdir(), "spatialforge-bench-"));
  private readonly tag: string;

  /** @param layers - layers that the registry has already */
  constructor(
    private readonly layout: Layout,
    private readonly repository: string,
    public layers: readonly Descriptor[] = [],
  ) {
    this.tag = `cache-${layout.name}`;
  }

  async run(): Promise<Measurement> {
    const { context, target, args } = this.layout;
    const image = `${this.repository}:${this.tag}`;
    const options = Object.entries({ ...args, BUILDKIT_INLINE_CACHE: "1" }).flatMap(([key, value]) => [
      "--build-arg",
      `${key}=${value}`,
    ]);
    const command = ["build", "--progress", "plain", "--target", target, "--cache-from", image, "-t", image];
    const built = await docker([...command, ...options, context], { ...process.env, BUILDX_CONFIG: this.buildx });
    const pushed = await docker(["push", "-q", image]);
    const registry = new Registry(this.repository);
    const digest = await registry.digest(this.tag);
    if (!digest) throw new Error(`${image} is not in the registry after its push`);
    await completeBuildCache(registry, this.tag, digest);
    const { layers } = await registry.manifest(digest);
    const known = new Set(this.layers.map((layer) => layer.digest));
    this.layers = layers;
    return {
      build: built.seconds,
      push: pushed.seconds,
      installs: countInstalls(built.output),
      newLayers: layers.filter((layer) => !known.has(layer.digest)),
      layers,
    };
  }
}
