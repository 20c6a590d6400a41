import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Major version of CUDA in the lock of the GPU images. Undefined if the lock has no CUDA. */
export function lockedCuda(lockFolder: string): number | undefined {
  const file = join(lockFolder, "heavy.txt");
  const major = existsSync(file) && /^nvidia-cuda-runtime(?:-cu\d+)?==(\d+)\./m.exec(readFileSync(file, "utf8"))?.[1];
  return major ? Number(major) : undefined;
}
