import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, sep } from "node:path";

/** The parts of a build context that change for different reasons, each with its files and folders. Together they are the whole context. */
export const CONTEXT_PARTS = {
  code: ["app"],
  "static files": ["served"],
  scripts: ["runtime"],
  build: ["Dockerfile", "build"],
  cuda: ["locks/cuda"],
  torch: ["locks/torch"],
  heavy: ["locks/heavy"],
  light: ["locks/light"],
  web: ["locks/web"],
} as const;

export type ContextPart = keyof typeof CONTEXT_PARTS;

/** Hashes of the parts of a build context. They are an argument and a label of the image, and tell why it is built again. */
export type PartHashes = Record<ContextPart, string>;

/** Hashes the names, contents, and execute bits of all files of a build context, by part. */
export function hashParts(folder: string): PartHashes {
  const hashes = Object.entries(CONTEXT_PARTS).map(([part, paths]) => {
    const files = paths.flatMap((path) => filesIn(folder, path));
    const hash = createHash("sha256");
    for (const file of files.sort()) {
      const path = join(folder, file);
      const executable = (statSync(path).mode & 0o100) !== 0;
      hash
        .update(`${file.split(sep).join("/")}\0${executable ? "x" : ""}\0`)
        .update(readFileSync(path))
        .update("\0");
    }
    return [part, hash.digest("hex").slice(0, HASH_LENGTH)];
  });
  return Object.fromEntries(hashes) as PartHashes;
}

/** The hash of a whole build context. */
export const hashOfParts = (parts: PartHashes): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, HASH_LENGTH);

const HASH_LENGTH = 12;

/** The files at a path of a folder, relative to the folder. */
function filesIn(folder: string, path: string): string[] {
  const start = join(folder, path);
  if (!existsSync(start)) return [];
  if (!statSync(start).isDirectory()) return [path];
  return readdirSync(start, { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name))
    .filter((name) => !statSync(join(folder, name)).isDirectory());
}
