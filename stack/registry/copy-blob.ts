import { setTimeout as wait } from "node:timers/promises";
import { withDigest, type Descriptor, type Registry } from "./registry";

/** Time without a byte after which a copy has failed. */
const STALL_TIMEOUT_MS = 120_000;

/** Time in which a registry must complete an upload. It checks the digest of the blob, which can have several GB. */
const COMPLETION_TIMEOUT_MS = 300_000;

/** Attempts to copy a blob, and the time between two of them. */
const ATTEMPTS = 3;
const RETRY_INTERVAL_MS = 1000;

/** How a blob came into a repository. */
export type BlobCopy = "mounted" | "copied";

/**
 * Copies a blob to a repository that does not have it. If the registry does not mount it from the other repository, its bytes are streamed from
 * one repository to the other, so a blob of any size needs little memory. The registry compares the digest.
 *
 * ECR mounts only if the account has enabled it, and only between repositories with the same encryption:
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
 *
 * @throws RunError or the error of `fetch` after three attempts
 */
export async function copyBlob(source: Registry, target: Registry, { digest }: Descriptor): Promise<BlobCopy> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { location, mounted } = await target.startUpload(attempt === 1 ? { digest, from: source.name } : undefined);
      if (mounted) return "mounted";
      await streamBlob(source, target, digest, location);
      return "copied";
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await wait(RETRY_INTERVAL_MS * attempt);
    }
  }
}

/** Downloads a blob, and uploads it at the same time: PATCH and PUT, as `docker push` does. */
async function streamBlob(source: Registry, target: Registry, digest: string, location: string): Promise<void> {
  const stall = new StallTimer();
  try {
    const { signal } = stall;
    const download = await source.mustRequest(source.url("blobs", digest), { signal });
    const progress = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        stall.reset();
        controller.enqueue(chunk);
      },
    });
    const upload = await target.mustRequest(location, {
      method: "PATCH",
      headers: { "content-type": "application/octet-stream" },
      body: download.body?.pipeThrough(progress) ?? "",
      duplex: "half", // fetch requires it for a stream
      signal,
    });
    await target.mustRequest(withDigest(target.locationIn(upload), digest), {
      method: "PUT",
      signal: AbortSignal.timeout(COMPLETION_TIMEOUT_MS),
    });
  } finally {
    stall.stop();
  }
}

/** Aborts requests after a time in which nothing was transferred. */
class StallTimer {
  private readonly controller = new AbortController();
  private readonly timer = setTimeout(
    () => this.controller.abort(new Error(`no data for ${STALL_TIMEOUT_MS / 1000} s`)),
    STALL_TIMEOUT_MS,
  );
  readonly signal = this.controller.signal;
  reset = () => void this.timer.refresh();
  stop = () => clearTimeout(this.timer);
}
