import { createHash } from "node:crypto";
import type { Settings } from "./schema";
import { isFile, s3Object, type Model, type S3Object } from "./models";

/** The folder on which containers mount the model volume. It is `MODEL_DIR` in `images/Dockerfile`. */
export const MODEL_VOLUME_PATH = "/models";

/**
 * The models that the settings name. Each list of models has a folder of its own on the model volume, so that a version keeps its models while
 * the next one is deployed, and after a rollback. `images/runtime/model_set.py` describes the folder.
 */
export interface ModelSet {
  /** Identifies the list of models. */
  id: string;
  models: readonly Model[];
  /** Whether the services must have the models. False without models. */
  required: boolean;
  /** Environment variables of the download. */
  downloadEnvironment: Record<string, string>;
  /** Environment variables of the roles that mount the model volume. */
  roleEnvironment: Record<string, string>;
  /** The objects in S3 that the download reads. */
  s3Objects: readonly S3Object[];
}

/** Characters of a SHA-256 hash that identify a list of models. */
const ID_LENGTH = 12;

export function modelSet({ models, requireModels }: Pick<Settings, "models" | "requireModels">): ModelSet {
  const json = JSON.stringify(models);
  const id = createHash("sha256").update(json).digest("hex").slice(0, ID_LENGTH);
  const folder = `${MODEL_VOLUME_PATH}/sets/${id}`;
  const files = models.filter(isFile);
  const required = requireModels && models.length > 0;
  const check = { MODELS: json, MODEL_SET: folder };
  return {
    id,
    models,
    required,
    downloadEnvironment: models.length > 0 ? check : {},
    roleEnvironment: {
      ...(files.length > 0 && { MODEL_DIR: folder }),
      ...(required && check),
      ...(required && haveRevisions(models) && { HF_HUB_CACHE: `${folder}/huggingface`, HF_HUB_OFFLINE: "1" }),
    },
    s3Objects: files.flatMap(({ url }) => s3Object(url) ?? []),
  };
}

/**
 * Whether there are models on the hub, and all have a revision. The application then asks only the cache of the set, where `main` is that
 * revision. Otherwise, it asks the hub for the newest revision.
 */
function haveRevisions(models: readonly Model[]): boolean {
  const onHub = models.filter((model): model is string => !isFile(model));
  return onHub.length > 0 && onHub.every((model) => model.includes("@"));
}

/** Variables of the application that say how the hub and other servers are reached. */
const NETWORK_VARIABLES = [
  "HF_ENDPOINT",
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]),
];

/** The variables of the application that the download needs. @param environment - variables of the application */
export const networkVariables = <T>(environment: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => NETWORK_VARIABLES.includes(name)));
