import { z } from "zod";
import { AWS_KEYS, awsSettings } from "./aws";

/** Images that the stack runs or builds on, as `repository:tag` or `repository@sha256:...`; the tags are the tested ones. */
const bases = z.strictObject({
  gpu: z.string().min(1).default("nvidia/cuda:13.0.2-base-ubuntu24.04").describe("Base of the API and worker images"),
  cpu: z.string().min(1).default("python:3.12-slim").describe("Base of the CPU image"),
  uv: z.string().min(1).default("ghcr.io/astral-sh/uv:0.13.9").describe("Image that holds the installer /uv"),
});

const index = z
  .string()
  .refine(
    isIndex,
    "an index is an http(s) URL without credentials, which would stay in plain text: give them as netrc",
  );

const indexes = z.strictObject({
  python: index.default("").describe("Package index instead of PyPI"),
  torchCpu: index.default("https://download.pytorch.org/whl/cpu").describe("Index of torch for the CPU image"),
  pythonBuilds: index.default("").describe("Mirror of uv's Python builds, for bases whose own Python is too old"),
});

/** The application's `requires-python` is `>=3.11`. */
const LEAST_PYTHON = 11;

const app = z.union([
  z.strictObject({ path: z.string().min(1) }),
  // A dash would make it an option of git.
  z.strictObject({ repository: z.string().regex(/^[^-]/), ref: z.string().regex(/^[^-]/) }),
]);

/** Environment of the application. What the stack itself sets is not for the user to set: see {@link RESERVED_ENV}. */
const env = z
  .record(
    z.string().regex(/^[A-Z][A-Z0-9_]*$/, "a variable's name has capital letters, digits and _"),
    z.union([z.string(), z.number(), z.boolean()]).transform(String),
  )
  .default({});

const port = z
  .int()
  .min(1024, "a port below 1024 needs root: choose 1024 to 65535")
  .max(65535, "a port is at most 65535");

/** The settings of a stack, namespace `spatialforge`. Their defaults and descriptions are those of `Pulumi.yaml`. */
export const settingsSchema = z.strictObject({
  platform: z
    .enum(["docker", "aws"])
    .default("docker")
    .describe("Where the services run: docker (this machine) or aws"),
  app: app.default({ path: "sample-app" }).describe("Source of the application: {path}, or {repository, ref}"),
  release: z
    .string()
    .regex(/^([a-z0-9][a-z0-9._-]{2,80})?$/, "a release id is the `release` output of an earlier update")
    .default("")
    .describe("Deploy this earlier release instead of building"),
  port: port.default(8000).describe("Port of the API on the loopback address"),
  registryPort: port.default(5001).describe("Port of the local registry on the loopback address"),
  gpu: z
    .enum(["auto", "required", "off"])
    .default("auto")
    .describe("auto: GPU images if the engine has the nvidia runtime; required: fail without it; off: CPU image"),
  bases: bases.prefault({}).describe("Base images: {gpu, cpu, uv}"),
  indexes: indexes.prefault({}).describe("Package indexes: {python, torchCpu, pythonBuilds}"),
  netrc: z
    .string()
    .refine(isNetrc, "netrc has lines `machine HOST login USER password PASSWORD`")
    .default("")
    .describe("Credentials of the package indexes, in the form of a .netrc file; a secret value"),
  python: z
    .string()
    .regex(/^3\.\d{2}$/, "a version of Python is 3.11 or newer, as in 3.12")
    .refine((version) => Number(version.slice(2)) >= LEAST_PYTHON, "the application needs Python 3.11 or newer")
    .default("3.12")
    .describe("Python of images whose base has none that is recent enough"),
  shell: z
    .boolean()
    .default(true)
    .describe("false: the CPU image holds no shell and no program but Python and an init"),
  rebuild: z
    .string()
    .default("")
    .describe("Change this to rebuild from the bases, as after a security update of a tag"),
  env: env.describe(
    "Environment variables of the application; on AWS, where one is a secret, Secrets Manager holds them",
  ),
  healthTimeout: z.int().min(10).max(3600).default(300).describe("Seconds within which all services must be healthy"),
  aws: awsSettings.prefault({}).describe("Settings of the platform aws: stack/settings/aws.ts describes each"),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Names of the settings at a path of the config; the path of the top level is empty. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(settingsSchema.shape),
  bases: Object.keys(bases.shape),
  indexes: Object.keys(indexes.shape),
  ...AWS_KEYS,
};

/** Variables that the stack sets. */
export const RESERVED_ENV = new Set(
  "REDIS_URL MINIO_ENDPOINT MINIO_ACCESS_KEY MINIO_SECRET_KEY MINIO_BUCKET MINIO_SECURE API_KEY_SECRET ADMIN_API_KEY DEVICE HOST PORT MODEL_DIR HF_HOME".split(
    " ",
  ),
);

/** Variables that hold a secret, and so may only stand in a secret config value. */
export const SECRET_ENV = new Set(["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "SENTRY_DSN"]);

function isNetrc(value: string): boolean {
  return value.trim() === "" || /^\s*((machine\s+\S+|default)(\s+(login|password|account)\s+\S+)+\s*)+$/.test(value);
}

function isIndex(value: string): boolean {
  if (value === "") return true;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return !!url && /^https?:$/.test(url.protocol) && !url.username && !url.password;
}
