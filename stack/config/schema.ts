import { z } from "zod";
import { APPLICATION } from "../app/application";
import { SERVICE_IMAGES } from "../docker/service-images";
import { AWS_KEYS, awsSettingsSchema } from "./aws-schema";
import { model } from "./models";
import { VARIABLE_NAME } from "./environment-rules";
import { PYTHON_VERSION } from "./python-version";
import { DEFAULT_SHARED_MEMORY_MIB } from "./shared-memory";

/**
 * Base images, as `repository:tag` or `repository:tag@sha256:...`, which `npm run lock -- --bases` writes. The defaults are the tags that the
 * tests use.
 */
const bases = z.strictObject({
  gpu: z.string().min(1).default("nvidia/cuda:13.0.2-base-ubuntu24.04").describe("Base of the API and worker images"),
  cpu: z.string().min(1).default("python:3.12-slim").describe("Base of the CPU image"),
  uv: z.string().min(1).default("ghcr.io/astral-sh/uv:0.13.9").describe("Image that contains the installer /uv"),
});

const index = z
  .string()
  .refine(
    isIndexUrl,
    "an index is an http(s) URL without credentials, which would be stored in plain text: set them in netrc",
  );

const indexes = z.strictObject({
  python: index.default("").describe("Package index to use instead of PyPI"),
  torchCpu: index.default("https://download.pytorch.org/whl/cpu").describe("Index of torch for the CPU image"),
  pythonBuilds: index.default("").describe("Mirror of uv's Python builds, for bases whose own Python is too old"),
  extra: z.array(index.min(1)).default([]).describe("More package indexes, in addition to the index `python`"),
  osPackages: index
    .default("")
    .describe("Mirror of the OS packages, with the folders debian and debian-security, or ubuntu"),
});

const build = z.strictObject({
  proxy: z
    .string()
    .refine(
      isIndexUrl,
      "a proxy is an http(s) URL without credentials, which would be stored in plain text: use a proxy that requires none",
    )
    .default("")
    .describe("HTTP proxy through which builds reach package servers, as in http://proxy.example.com:3128"),
  noProxy: z.string().default("").describe("Hosts that builds reach without the proxy, separated by commas"),
  caBundle: z
    .string()
    .default("")
    .describe(
      "PEM file on this machine with the certificate authorities that builds trust, instead of those of the base",
    ),
});

const image = (name: keyof typeof SERVICE_IMAGES) => z.string().min(1).default(SERVICE_IMAGES[name]);

const serviceImages = z.strictObject({
  redis: image("redis").describe("Redis"),
  objectStore: image("objectStore").describe("Versity S3 Gateway"),
  registry: image("registry").describe("Registry of the CNCF Distribution project"),
  proxy: image("proxy").describe("nginx without root"),
});

/** The name of a Python package: https://packaging.python.org/en/latest/specifications/name-normalization/ */
const PACKAGE_NAME = /^[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?$/i;

/** The name of a Debian package: https://www.debian.org/doc/debian-policy/ch-controlfields.html#source */
const OS_PACKAGE = /^[a-z0-9][a-z0-9+.-]+$/;

/** A list of texts. @param what - an entry, for the message */
const names = (what: string) => z.array(z.string().min(1, `an entry is ${what}`)).optional();

/** Settings of the application that do not say where its source is. */
const appOptions = {
  version: z
    .string('the version must be text: write it in quotes, as in "1.4.0"')
    .regex(PYTHON_VERSION, "a version has the form of PEP 440, as in 1.4.0")
    .optional()
    .describe("Version of the application, if it is dynamic in its pyproject.toml"),
  keepFiles: z
    .record(
      z.string().regex(PACKAGE_NAME, "the key is the name of a Python package, as in scikit-image"),
      z.array(z.string().regex(/^[^/]/, "a pattern is relative to the folder of all packages, as in **/*.pyi")).min(1),
    )
    .optional()
    .describe("Files of packages that stay in the images: patterns by the name of the package"),
  extras: names("an extra of the app").describe("Optional dependencies of the application that are locked"),
  groups: names("a dependency group of the app").describe("Dependency groups of the application that are locked"),
  requirements: names("a requirement, as in ultralytics>=8").describe("Packages that the application does not declare"),
  overrides: names("a requirement, as in numpy<2").describe("Requirements that replace all others of the same package"),
  buildPackages: z
    .array(z.string().regex(OS_PACKAGE, "the name of an OS package, as in libpq-dev, without a version"))
    .optional()
    .describe("OS packages with which packages without a wheel are compiled"),
  systemPackages: z
    .array(z.string().regex(OS_PACKAGE, "the name of an OS package, as in libgl1, without a version"))
    .optional()
    .describe("OS packages that the application needs at run time"),
};

const app = z.union([
  z.strictObject({ path: z.string().min(1), ...appOptions }),
  // git would interpret a leading dash as an option.
  z.strictObject({
    repository: z.string().regex(/^[^-]/),
    ref: z.string().regex(/^[^-]/),
    /** Folder of the application in the repository, relative to its root. Default: the root. */
    folder: z.string().min(1).optional(),
    ...appOptions,
  }),
]);

/** Settings of the application that say where its source is: a path, or a repository, a ref, and a folder. */
export const APP_SOURCE_KEYS: readonly string[] = ["path", "repository", "ref", "folder"];

const env = z
  .record(
    z
      .string()
      .regex(
        VARIABLE_NAME,
        "the name of a variable has capital letters, digits, and _, except http_proxy, https_proxy, no_proxy, and all_proxy",
      ),
    z.union([z.string(), z.number(), z.boolean()]).transform(String),
  )
  .default({});

const port = z
  .int()
  .min(1024, "a port below 1024 requires root: use 1024 to 65535")
  .max(65535, "a port is at most 65535");

const [, minimumMinor] = APPLICATION.minimumPython.split(".").map(Number);

/** The settings of a stack, in the namespace `spatialforge`. `Pulumi.yaml` repeats the defaults and descriptions; a test compares them. */
export const settingsSchema = z.strictObject({
  platform: z
    .enum(["docker", "aws"])
    .default("docker")
    .describe("Where the services run: docker (this machine) or aws"),
  app: app
    .default({ path: "sample-app" })
    .describe(
      "Source of the application: {path}, or {repository, ref, folder}; docs/images.md and docs/locks.md describe the other options",
    ),
  release: z
    .string()
    .regex(/^([a-z0-9][a-z0-9._-]{2,80})?$/, "a release ID is the `release` output of an earlier update")
    .default("")
    .describe("Deploy this earlier release instead of building"),
  promoteFrom: z
    .string()
    .regex(/^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/, "the name of another stack, as in dev")
    .default("")
    .describe("Deploy the release of this other stack that has the same build inputs, instead of building; on AWS"),
  port: port.default(8000).describe("Port of the API on the loopback address"),
  registryPort: port.default(5001).describe("Port of the local registry on the loopback address"),
  objectStorePort: port
    .default(9000)
    .describe("Port of the object store on the loopback address: the URLs of results contain it"),
  gpu: z
    .enum(["auto", "required", "off"])
    .default("auto")
    .describe("auto: GPU images if a container can use a GPU; required: fail otherwise; off: CPU image"),
  allImages: z
    .boolean()
    .default(false)
    .describe("true: also build the images that no service on this machine runs; on AWS, all images are always built"),
  bases: bases.prefault({}).describe("Base images: {gpu, cpu, uv}"),
  serviceImages: serviceImages
    .prefault({})
    .describe("Images of the services on this machine: {redis, objectStore, registry, proxy}"),
  indexes: indexes
    .prefault({})
    .describe("Package indexes and mirrors: {python, extra, torchCpu, pythonBuilds, osPackages}"),
  build: build.prefault({}).describe("Network of the image builds: {proxy, noProxy, caBundle}"),
  netrc: z
    .string()
    .refine(isNetrc, "netrc has lines `machine HOST login USER password PASSWORD`")
    .default("")
    .describe("Credentials for the package indexes, in the format of a .netrc file; a secret value"),
  python: z
    .string()
    .refine(
      (version) => /^3\.\d+$/.test(version) && Number(version.slice(2)) >= minimumMinor,
      `a Python version is ${APPLICATION.minimumPython} or newer, as in 3.12`,
    )
    .default("3.12")
    .describe("Python version for images whose base has no recent Python"),
  shell: z
    .boolean()
    .default(true)
    .describe("false: the CPU image has no shell and no programs except Python and an init"),
  keepPrograms: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9][\w.+-]*$/, "the name of a program without its folder, as in ffmpeg")
        .regex(
          /^(?!(apt|dpkg|pip|uvx?$))/,
          "no image contains a package manager: to install OS packages, use app.systemPackages",
        ),
    )
    .default([])
    .describe("Programs of the base images that are not removed, as in [bash]"),
  rebuild: z
    .string()
    .default("")
    .describe("Change this value to rebuild from the base images, for example after a security update of a tag"),
  env: env.describe(
    "Environment variables of the application; on AWS, if one is a secret, all are stored in Secrets Manager",
  ),
  models: z
    .array(model)
    .default([])
    .describe(
      "Models on the model volume: Hugging Face IDs, as OWNER/NAME or OWNER/NAME@REVISION, and files, as {url, path, sha256}",
    ),
  requireModels: z
    .boolean()
    .default(true)
    .describe(
      "The models are downloaded before the services start, and without them the API and the worker are unhealthy",
    ),
  huggingFaceToken: z
    .string()
    .default("")
    .describe("Token for gated models on the Hugging Face hub, which only the download gets; a secret value"),
  sharedMemorySize: z
    .int()
    .min(1)
    .default(DEFAULT_SHARED_MEMORY_MIB)
    .describe("Size of /dev/shm of the API and the worker on this machine in MiB; on AWS: aws.api and aws.worker"),
  healthTimeout: z.int().min(10).max(3600).default(300).describe("Seconds within which all services must be healthy"),
  aws: awsSettingsSchema.prefault({}).describe("Settings of the platform aws: docs/aws.md describes each"),
});

/** The settings as the schema returns them. */
export type ParsedSettings = z.infer<typeof settingsSchema>;

/** Settings that can contain secrets. `inputs.ts` passes them on as Pulumi secrets. */
export type SecretSetting = "env" | "netrc" | "huggingFaceToken";

export type Settings = Omit<ParsedSettings, SecretSetting>;

/** Names of the settings in each section, by the path of the section. The path of the top level is empty. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(settingsSchema.shape),
  app: [...APP_SOURCE_KEYS, ...Object.keys(appOptions)],
  bases: Object.keys(bases.shape),
  build: Object.keys(build.shape),
  indexes: Object.keys(indexes.shape),
  serviceImages: Object.keys(serviceImages.shape),
  ...AWS_KEYS,
};

function isNetrc(value: string): boolean {
  return value.trim() === "" || /^\s*((machine\s+\S+|default)(\s+(login|password|account)\s+\S+)+\s*)+$/.test(value);
}

function isIndexUrl(value: string): boolean {
  if (value === "") return true;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return !!url && /^https?:$/.test(url.protocol) && !url.username && !url.password;
}
