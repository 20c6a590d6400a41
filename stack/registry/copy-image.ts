import { copyBlob } from "./copy-blob";
import type { Descriptor, Manifest, Registry } from "./registry";

/** Layers that are copied at the same time. */
const CONCURRENCY = 3;

const MB = 1e6;

export interface CopyImageArgs {
  source: Registry;
  /** Another repository of the same registry. */
  target: Registry;
  /** Digest of the image: it is the same in both repositories. */
  digest: string;
  /** Tags that the copy gets. At least one: a registry can delete images without a tag. */
  tags: readonly string[];
  /** Receives a line at the start and at the end. */
  log: (line: string) => void;
}

/**
 * Copies an image to another repository, unless the repository has it. Only blobs that the repository does not have are copied. The digest stays the
 * same, because the manifest does.
 *
 * @throws RunError if a registry rejects a request, and the error of `fetch` if it does not respond
 */
export async function copyImage({ source, target, digest, tags, log }: CopyImageArgs): Promise<void> {
  const present = (await target.digest(digest)) === digest;
  const manifest = await (present ? target : source).rawManifest(digest);
  if (!present) await copyBlobs(source, target, JSON.parse(manifest.toString()) as Manifest, log);
  for (const tag of tags) {
    // A registry rejects a write to an immutable tag, even for the same image.
    if ((await target.digest(tag)) !== digest) await target.putRawManifest(tag, manifest);
  }
}

async function copyBlobs(
  source: Registry,
  target: Registry,
  { config, layers }: Manifest,
  log: (line: string) => void,
): Promise<void> {
  const blobs = [...new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()];
  const known = await Promise.all(blobs.map(({ digest }) => target.hasBlob(digest)));
  const missing = blobs.filter((_, index) => !known[index]);
  const size = `${Math.ceil(missing.reduce((sum, blob) => sum + blob.size, 0) / MB)} MB`;
  log(`copying ${missing.length} of ${blobs.length} blobs, ${size}, from ${source.repository}`);
  const started = Date.now();
  const queue = [...missing];
  let mounted = 0;
  const copyNext = async (): Promise<void> => {
    for (let blob: Descriptor | undefined; (blob = queue.shift());) {
      if ((await copyBlob(source, target, blob)) === "mounted") mounted += 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, copyNext));
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  log(`copied ${missing.length - mounted} blobs in ${seconds} s, and mounted ${mounted} without a copy`);
}
