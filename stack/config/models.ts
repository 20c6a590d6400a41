import { z } from "zod";

/** A file that is downloaded from a URL. */
const file = z.strictObject({ url: z.string(), path: z.string(), sha256: z.string() });

/** A model in the settings. `modelProblems` checks the texts. */
export const model = z.union(
  [z.string(), file],
  "a model is OWNER/NAME, OWNER/NAME@REVISION, or a file {url, path, sha256}",
);

export type Model = z.infer<typeof model>;
export type ModelFile = z.infer<typeof file>;

export const isFile = (model: Model): model is ModelFile => typeof model === "object";

/** The name in messages, and on the model volume. */
export const modelName = (model: Model): string => (isFile(model) ? model.path : model);

/** An object in S3. */
export interface S3Object {
  bucket: string;
  key: string;
}

/** The object that a URL `s3://BUCKET/KEY` names. Undefined for another URL. */
export function s3Object(url: string): S3Object | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
  return bucket && key ? { bucket, key } : undefined;
}
