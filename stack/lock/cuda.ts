import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Major and minor version of CUDA in the lock of the GPU images, as in `13.2`. Undefined if the lock has no CUDA. */
export function lockedCuda(lockFolder: string): string | undefined {
  const file = join(lockFolder, "cuda.txt");
  if (!existsSync(file)) return undefined;
  return /^nvidia-cuda-runtime(?:-cu\d+)?==(\d+\.\d+)\./m.exec(readFileSync(file, "utf8"))?.[1];
}
