import { isFile, modelName, s3Object, type Model, type ModelFile } from "./models";
import type { Problem } from "./problem";
import type { ParsedSettings } from "./schema";

/** A repository on the hub, with or without a commit, a tag, or a branch. */
const HUB_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*(@[\w-][\w./-]*)?$/;

/** Names in the folder of the files that the stack uses itself. */
const RESERVED = ["huggingface", "manifest.json"];

/** Parameters of a URL that contain a credential, such as the signature of a presigned URL. */
const SECRET_PARAMETER = /^(.*[-_])?(signature|sig|token|key|credential|password|secret)$/i;

/** Rules for a file: a message for each that it breaks. */
const FILE_RULES: readonly [key: keyof ModelFile, isValid: (text: string) => boolean, remedy: string][] = [
  ["url", isModelUrl, "the URL of a file is https://HOST/PATH, or s3://BUCKET/KEY without the characters * ? # $"],
  [
    "url",
    (url) => !hasCredentials(url),
    "the URL contains a credential, which would be stored in plain text: use a file that needs none, or s3://BUCKET/KEY",
  ],
  ["path", isRelativePath, "the path is relative to MODEL_DIR and has no `..`, as in yolo/weights.pt"],
  [
    "path",
    (path) => !RESERVED.includes(path.split("/")[0]),
    `the names ${RESERVED.join(" and ")} are in use: use another path`,
  ],
  [
    "sha256",
    (sum) => /^[0-9a-f]{64}$/.test(sum),
    "the checksum has 64 digits from 0 to f, as `sha256sum FILE` prints it",
  ],
];

/** Problems of the models, and of the token for them. */
export function modelProblems(
  { models, huggingFaceToken }: Pick<ParsedSettings, "models" | "huggingFaceToken">,
  secretKeys: ReadonlySet<string>,
): Problem[] {
  const problems = models.flatMap((model, index) => oneModelProblems(model, index));
  const targets = models.map(targetOf);
  targets.forEach((target, index) => {
    const first = targets.indexOf(target);
    if (first === index) return;
    const remedy = `models.${first} is the same model or path: remove one of them`;
    problems.push({ key: `models.${index}`, value: modelName(models[index]), remedy });
  });
  if (huggingFaceToken && !secretKeys.has("huggingFaceToken")) {
    const remedy = "a secret must not be in plain text: use `pulumi config set --secret spatialforge:huggingFaceToken`";
    problems.push({ key: "huggingFaceToken", remedy });
  }
  return problems;
}

function oneModelProblems(model: Model, index: number): Problem[] {
  if (!isFile(model)) {
    const remedy = "a model on the Hugging Face hub is OWNER/NAME or OWNER/NAME@REVISION";
    return HUB_ID.test(model) ? [] : [{ key: `models.${index}`, value: model, remedy }];
  }
  return FILE_RULES.filter(([key, isValid]) => !isValid(model[key])).map(([key, , remedy]) => ({
    key: `models.${index}.${key}`,
    value: key === "url" ? model.url.split("?")[0] : model[key],
    remedy,
  }));
}

/** What a model must not share with another one. */
const targetOf = (model: Model): string => (isFile(model) ? `file ${model.path}` : model.split("@")[0]);

/** An IAM policy would read * ? and $ as a pattern. */
function isModelUrl(url: string): boolean {
  const object = s3Object(url);
  if (object) return /^[a-z0-9.-]+$/.test(object.bucket) && !/[*?#$]/.test(object.key);
  return URL.canParse(url) && new URL(url).protocol === "https:";
}

function hasCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password, searchParams } = new URL(url);
  return !!username || !!password || [...searchParams.keys()].some((name) => SECRET_PARAMETER.test(name));
}

function isRelativePath(path: string): boolean {
  const names = path.split("/");
  return names.every((name) => /^[\w.-][\w .-]*$/.test(name) && !/^\.{1,2}$/.test(name));
}
