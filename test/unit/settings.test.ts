import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { parseSettings } from "../../stack/config/parse";
import { formatProblems, withoutCredentials } from "../../stack/config/problem";
import { settingsSchema } from "../../stack/config/schema";
import { ROOT } from "../../stack/root";

interface Case {
  title: string;
  values: Record<string, string>;
  /** Key that the problem names. */
  key: string;
  remedy: RegExp;
  stack?: string;
}

const CASES: Case[] = [
  { title: "a misspelled key", values: { prot: "9000" }, key: "prot", remedy: /did you mean port\?/ },
  {
    title: "a key that resembles no setting",
    values: { kubernetes: "1" },
    key: "kubernetes",
    remedy: /the settings are|did you mean/,
  },
  {
    title: "a misspelled key of bases",
    values: { bases: '{"gpuu":"x"}' },
    key: "bases.gpuu",
    remedy: /did you mean bases\.gpu\?/,
  },
  {
    title: "a misspelled key of indexes",
    values: { indexes: '{"pyton":"x"}' },
    key: "indexes.pyton",
    remedy: /did you mean indexes\.python\?/,
  },
  {
    title: "credentials in the URL of the repository",
    values: { app: '{"repository":"https://me:hunter2@git.example.com/app.git","ref":"v1"}' },
    key: "app.repository",
    remedy: /git credential helper/,
  },
  ...["../api", "services/../../api", "/api", "C:\\api"].map((folder) => ({
    title: `the folder ${folder} of an app`,
    values: { app: JSON.stringify({ repository: "b", ref: "c", folder }) },
    key: "app.folder",
    remedy: /relative to its root and without `\.\.`/,
  })),
  {
    title: "an app with a path and a folder",
    values: { app: '{"path":"a","folder":"b"}' },
    key: "app",
    remedy: /either a path.* or a repository together with a ref and optionally a folder/,
  },
  { title: "an unknown platform", values: { platform: "podman" }, key: "platform", remedy: /docker.*aws/ },
  { title: "an empty platform", values: { platform: "" }, key: "platform", remedy: /docker.*aws/ },
  { title: "a port that is not a number", values: { port: "http" }, key: "port", remedy: /number/ },
  { title: "a port with a fraction", values: { port: "80.5" }, key: "port", remedy: /an integer/ },
  { title: "a port that requires root", values: { port: "80" }, key: "port", remedy: /requires root/ },
  { title: "a port that is too large", values: { port: "65536" }, key: "port", remedy: /at most 65535/ },
  { title: "a negative port", values: { port: "-1" }, key: "port", remedy: /1024/ },
  {
    title: "a registry port that requires root",
    values: { registryPort: "443" },
    key: "registryPort",
    remedy: /requires root/,
  },
  {
    title: "the same port for the API and the registry",
    values: { port: "5001" },
    key: "registryPort",
    remedy: /port is the same port: set different ports/,
  },
  { title: "an unknown GPU mode", values: { gpu: "maybe" }, key: "gpu", remedy: /auto.*required.*off/ },
  { title: "a boolean GPU mode", values: { gpu: "true" }, key: "gpu", remedy: /auto.*required.*off/ },
  { title: "an app that is a string", values: { app: "sample-app" }, key: "app", remedy: /spatialforge:app\.path/ },
  {
    title: "an app with a path and a repository",
    values: { app: '{"path":"a","repository":"b","ref":"c"}' },
    key: "app",
    remedy: /either a path/,
  },
  {
    title: "an app with a path and a ref",
    values: { app: '{"path":"a","ref":"c"}' },
    key: "app",
    remedy: /either a path/,
  },
  {
    title: "a repository without a ref",
    values: { app: '{"repository":"b"}' },
    key: "app",
    remedy: /together with a ref/,
  },
  { title: "a ref without a repository", values: { app: '{"ref":"b"}' }, key: "app", remedy: /together with a ref/ },
  { title: "an empty path", values: { app: '{"path":""}' }, key: "app", remedy: /app\.path/ },
  {
    title: "an extra that is not a list",
    values: { app: '{"path":"a","extras":"tsdf"}' },
    key: "app.extras",
    remedy: /must be a list/,
  },
  {
    title: "a build package with an option of apt",
    values: { app: '{"repository":"b","ref":"c","buildPackages":["--reinstall"]}' },
    key: "app.buildPackages.0",
    remedy: /without a version/,
  },
  {
    title: "a version of Python written as a number, which loses its zero",
    values: { python: "3.1" },
    key: "python",
    remedy: /3\.11 or newer, as in 3\.12/,
  },
  {
    title: "a version of the app that is a number",
    values: { app: '{"path":"a","version":1.4}' },
    key: "app.version",
    remedy: /write it in quotes/,
  },
  {
    title: "a version of the app that is no version",
    values: { app: '{"repository":"b","ref":"c","version":"latest"}' },
    key: "app.version",
    remedy: /PEP 440, as in 1\.4\.0/,
  },
  {
    title: "files to keep that are a list",
    values: { app: '{"path":"a","keepFiles":["**/*.pyi"]}' },
    key: "app.keepFiles",
    remedy: /must be an object/,
  },
  {
    title: "files to keep of a package without a list",
    values: { app: '{"path":"a","keepFiles":{"scikit-image":"**/*.pyi"}}' },
    key: "app.keepFiles.scikit-image",
    remedy: /must be a list/,
  },
  {
    title: "files to keep with an absolute pattern",
    values: { app: '{"path":"a","keepFiles":{"scikit-image":["/opt/venv/x"]}}' },
    key: "app.keepFiles.scikit-image.0",
    remedy: /relative to the folder of all packages/,
  },
  {
    title: "files to keep of an invalid package",
    values: { app: '{"path":"a","keepFiles":{"scikit image":["x"]}}' },
    key: "app.keepFiles.scikit image",
    remedy: /name of a Python package/,
  },
  {
    title: "an OS package with a version",
    values: { app: '{"path":"a","systemPackages":["libgl1=1.7"]}' },
    key: "app.systemPackages.0",
    remedy: /without a version/,
  },
  {
    title: "OS packages that are text",
    values: { app: '{"path":"a","systemPackages":"libgl1"}' },
    key: "app.systemPackages",
    remedy: /must be a list/,
  },
  {
    title: "an OS package that is an option of apt",
    values: { app: '{"path":"a","systemPackages":["--force-yes"]}' },
    key: "app.systemPackages.0",
    remedy: /name of an OS package/,
  },
  {
    title: "a program with its folder",
    values: { keepPrograms: '["/usr/bin/ffmpeg"]' },
    key: "keepPrograms.0",
    remedy: /without its folder/,
  },
  {
    title: "a program that is a package manager",
    values: { keepPrograms: '["bash","apt-get"]' },
    key: "keepPrograms.1",
    remedy: /no image contains a package manager.*app\.systemPackages/,
  },
  {
    title: "a misspelled option of the app",
    values: { app: '{"path":"a","versoin":"1"}' },
    key: "app.versoin",
    remedy: /did you mean app\.version\?/,
  },
  { title: "an empty app", values: { app: "{}" }, key: "app", remedy: /either a path/ },
  {
    title: "a release with spaces",
    values: { release: "a b c" },
    key: "release",
    remedy: /`release` output/,
  },
  {
    title: "a release in capital letters",
    values: { release: "RELEASE-1" },
    key: "release",
    remedy: /`release` output/,
  },
  { title: "an empty base image", values: { bases: '{"cpu":""}' }, key: "bases.cpu", remedy: /must not be empty/ },
  { title: "bases that are a string", values: { bases: "python:3.12" }, key: "bases", remedy: /object/ },
  {
    title: "an index that is not a URL",
    values: { indexes: '{"python":"mirror"}' },
    key: "indexes.python",
    remedy: /http\(s\) URL/,
  },
  {
    title: "an index with a file URL",
    values: { indexes: '{"python":"file:///x"}' },
    key: "indexes.python",
    remedy: /http\(s\) URL/,
  },
  {
    title: "an index with credentials",
    values: { indexes: '{"torchCpu":"https://me:pw@host/simple"}' },
    key: "indexes.torchCpu",
    remedy: /without credentials/,
  },
  {
    title: "an additional index with credentials",
    values: { indexes: '{"extra":["https://host/simple","https://me:pw@host/simple"]}' },
    key: "indexes.extra.1",
    remedy: /without credentials/,
  },
  {
    title: "an empty additional index",
    values: { indexes: '{"extra":[""]}' },
    key: "indexes.extra.0",
    remedy: /must not be empty/,
  },
  {
    title: "a proxy with credentials",
    values: { build: '{"proxy":"http://me:pw@proxy:3128"}' },
    key: "build.proxy",
    remedy: /without credentials/,
  },
  {
    title: "a proxy without a scheme",
    values: { build: '{"proxy":"proxy:3128"}' },
    key: "build.proxy",
    remedy: /http\(s\) URL/,
  },
  {
    title: "a misspelled key of build",
    values: { build: '{"caBundel":"x"}' },
    key: "build.caBundel",
    remedy: /did you mean build\.caBundle\?/,
  },
  {
    title: "a .netrc file in another format",
    values: { netrc: "pypi.example.com me hunter2" },
    key: "netrc",
    remedy: /machine HOST login USER/,
  },
  {
    title: "credentials for the indexes in plain text",
    values: { netrc: "machine pypi.example.com login me password hunter2" },
    key: "netrc",
    remedy: /config set --secret spatialforge:netrc/,
  },
  {
    title: "a timeout that is too short",
    values: { healthTimeout: "0" },
    key: "healthTimeout",
    remedy: /at least 10$/,
  },
  {
    title: "a timeout that ends before a new task can be healthy",
    values: {
      platform: "aws",
      healthTimeout: "20",
      aws: '{"loadBalancer":{"allowHttp":true},"minHealthyTime":20}',
    },
    key: "aws.minHealthyTime",
    remedy: /within healthTimeout \(20 s\): use a shorter time, or raise healthTimeout$/,
  },
  {
    title: "a timeout that is too long",
    values: { healthTimeout: "100000" },
    key: "healthTimeout",
    remedy: /at most 3600$/,
  },
  {
    title: "a variable name with a hyphen",
    values: { env: '{"my-name":"1"}' },
    key: "env.my-name",
    remedy: /capital letters/,
  },
  {
    title: "a variable that the stack sets",
    values: { env: '{"REDIS_URL":"redis://x"}' },
    key: "env.REDIS_URL",
    remedy: /remove it/,
  },
  {
    title: "a secret variable in plain text",
    values: { env: '{"STRIPE_SECRET_KEY":"sk"}' },
    key: "env.STRIPE_SECRET_KEY",
    remedy: /config set --secret/,
  },
  ...[
    "GITHUB_TOKEN",
    "TOKEN",
    "MAPS_API_KEY",
    "DB_PASSWORD",
    "PGPASSWORD",
    "DB_PASS",
    "WEBHOOK_SECRET",
    "AWS_CREDENTIALS",
  ].map((name) => ({
    title: `a variable that looks like a secret: ${name}`,
    values: { env: JSON.stringify({ [name]: "hunter2" }) },
    key: `env.${name}`,
    remedy: new RegExp(
      `must not be in plain text: use \`pulumi config set --secret --path spatialforge:env\\.${name}\``,
    ),
  })),
  {
    title: "a URL with a password",
    values: { env: '{"TILES_URL":"https://me:hunter2@tiles.example.com"}' },
    key: "env.TILES_URL",
    remedy: /must not be in plain text/,
  },
  ...[
    ["PATH", /find its programs and packages/],
    ["PYTHONPATH", /find its programs and packages/],
    ["LD_LIBRARY_PATH", /libraries/],
    ["HOME", /can write to/],
    ["HF_HOME", /model volume/],
    ["TORCH_HOME", /model volume/],
    ["XDG_CACHE_HOME", /model volume/],
    ["NVIDIA_VISIBLE_DEVICES", /which GPUs/],
    ["GPU_REQUIRED", /setting gpu/],
  ].map(([name, reason]) => ({
    title: `a variable that would break the image: ${String(name)}`,
    values: { env: JSON.stringify({ [String(name)]: "x" }) },
    key: `env.${String(name)}`,
    remedy: new RegExp(`${(reason as RegExp).source}.*: remove it`),
  })),
  {
    title: "a name in lower case",
    values: { env: '{"path":"x"}' },
    key: "env.path",
    remedy: /capital letters.*except http_proxy, https_proxy, no_proxy, and all_proxy/,
  },
  {
    title: "an unknown service image",
    values: { serviceImages: '{"rediss":"redis:8"}' },
    key: "serviceImages.rediss",
    remedy: /did you mean serviceImages\.redis/,
  },
  {
    title: "shared memory that is larger than the memory of a container",
    values: { sharedMemorySize: "4096" },
    key: "sharedMemorySize",
    remedy: /must be less than 4096, the memory of the container api in MiB/,
  },
  ...["ftp_proxy", "Http_proxy"].map((name) => ({
    title: `a name in lower case that is no proxy variable: ${name}`,
    values: { env: JSON.stringify({ [name]: "x" }) },
    key: `env.${name}`,
    remedy: /capital letters/,
  })),
  ...[
    ["PYTHONHOME", /programs and packages/],
    ["VIRTUAL_ENV", /programs and packages/],
    ["LD_PRELOAD", /libraries/],
    ["TMPDIR", /folder/],
    ["SPATIALFORGE_STATE", /folder/],
    ["NVIDIA_DRIVER_CAPABILITIES", /functions of the driver/],
    ["NVIDIA_REQUIRE_CUDA", /which GPUs/],
    ["ECS_AGENT_URI", /ECS agent/],
  ].map(([name, reason]) => ({
    title: `a variable that only the image or its platform sets: ${String(name)}`,
    values: { env: JSON.stringify({ [String(name)]: "x" }) },
    key: `env.${String(name)}`,
    remedy: new RegExp(`${(reason as RegExp).source}.*: remove it`),
  })),
  {
    title: "a variable that the stack sets, with a password in its URL",
    values: { env: '{"REDIS_URL":"redis://:hunter2@cache:6379"}' },
    key: "env.REDIS_URL",
    remedy: /^the stack sets this variable: remove it$/,
  },
  {
    title: "a password in the URL of a proxy",
    values: { env: '{"https_proxy":"http://me:hunter2@proxy:3128"}' },
    key: "env.https_proxy",
    remedy: /must not be in plain text/,
  },
  {
    title: "PASSWD in the name of a variable in plain text",
    values: { env: '{"DB_PASSWD":"hunter2"}' },
    key: "env.DB_PASSWD",
    remedy: /must not be in plain text/,
  },
  {
    title: "an empty service image",
    values: { serviceImages: '{"proxy":""}' },
    key: "serviceImages.proxy",
    remedy: /must not be empty/,
  },
  { title: "no shared memory", values: { sharedMemorySize: "0" }, key: "sharedMemorySize", remedy: /at least 1$/ },
  {
    title: "demo mode in production",
    values: { env: '{"DEMO_MODE":"true"}' },
    key: "env.DEMO_MODE",
    remedy: /must not be true in production/,
    stack: "prod",
  },
  {
    title: "research mode in production",
    values: { env: '{"RESEARCH_MODE":1}' },
    key: "env.RESEARCH_MODE",
    remedy: /must not be true in production/,
    stack: "prod",
  },
  {
    title: "any origin in production, beside a listed one",
    values: { env: '{"ALLOWED_ORIGINS":"https://a.example.org, *"}' },
    key: "env.ALLOWED_ORIGINS",
    remedy: /must list its origins/,
    stack: "prod",
  },
  {
    title: "any origin in production",
    values: { env: '{"ALLOWED_ORIGINS":"[\\"*\\"]"}' },
    key: "env.ALLOWED_ORIGINS",
    remedy: /must list its origins/,
    stack: "prod",
  },
];

describe("invalid settings", () => {
  it.each(CASES)("$title", ({ values, key, remedy, stack = "local" }) => {
    const { problems } = parseSettings({ values, stack });
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(problems[0].remedy).toMatch(remedy);
  });

  it("lists all problems in one message, each with key and value", () => {
    const { problems } = parseSettings({ values: { prot: "1", port: "80", gpu: "maybe" }, stack: "local" });
    const message = formatProblems(problems, "local");
    expect(message).toContain("3 problems, nothing was changed");
    for (const line of ["spatialforge:prot = 1", "spatialforge:port = 80", "spatialforge:gpu = maybe"]) {
      expect(message).toContain(line);
    }
  });
});

describe("messages without secrets", () => {
  const HIDDEN: [title: string, values: Record<string, string>, options?: { secretKeys?: string[]; stack?: string }][] =
    [
      ["a secret variable", { env: '{"my-name":"hunter2"}' }, { secretKeys: ["env"] }],
      [
        "a secret variable that violates a rule",
        { env: '{"ALLOWED_ORIGINS":"https://hunter2.example.org, *"}' },
        { secretKeys: ["env"], stack: "prod" },
      ],
      ["an invalid .netrc file", { netrc: "hunter2" }],
      ["a token for models in plain text", { huggingFaceToken: "hunter2" }],
      ["a .netrc file in plain text", { netrc: "machine pypi.example.com login me password hunter2" }],
      ["a repository without a ref", { app: '{"repository":"https://me:hunter2@git.example.com/app.git"}' }],
      ["a repository with a misspelled ref", { app: '{"repository":"https://me:hunter2@host/app","reff":"v1"}' }],
      ["a URL instead of an app", { app: "https://me:hunter2@git.example.com/app.git" }],
      ["an index with credentials", { indexes: '{"python":"https://me:hunter2@pypi.example.com/simple"}' }],
      ["an unknown setting", { index: "https://me:hunter2@pypi.example.com/simple" }],
      ["a variable with a password in a URL", { env: '{"ALLOWED_ORIGINS":"https://me:hunter2@example.org"}' }],
      ["a variable with the name of a secret", { env: '{"MY_TOKEN":"hunter2"}' }],
      ["a variable with the name of a secret in lower case", { env: '{"my_token":"hunter2"}' }],
      ["variables that are a string", { env: "MY_TOKEN=hunter2" }],
      ["a variable that the stack sets", { env: '{"ADMIN_API_KEY":"hunter2"}' }],
      ["a variable that would break the image", { env: '{"HOME":"hunter2"}' }],
    ];

  it.each(HIDDEN)("%s", (_, values, { secretKeys = [], stack = "local" } = {}) => {
    const { problems } = parseSettings({ values, secretKeys: new Set(secretKeys), stack });
    expect(problems).toHaveLength(1);
    expect(formatProblems(problems, stack)).not.toContain("hunter2");
  });

  it.each([
    ["https://me:hunter2@git.example.com/app.git", "https://git.example.com/app.git"],
    ["https://hunter2@git.example.com/app.git", "https://git.example.com/app.git"],
    ["https://me:hunter@2@git.example.com/app.git", "https://git.example.com/app.git"],
    ["fatal: no access to 'https://me:hunter2@host/a': 403", "fatal: no access to 'https://host/a': 403"],
    [
      '{"repository":"ssh://me:hunter2@host/a","ref":"v1@2"}, http://me:hunter2@host',
      '{"repository":"ssh://host/a","ref":"v1@2"}, http://host',
    ],
    ["https://host/simple/@scope", "https://host/simple/@scope"],
    ["git@github.com:owner/app.git", "git@github.com:owner/app.git"],
  ])("withoutCredentials(%j)", (text, expected) => {
    expect(withoutCredentials(text)).toBe(expected);
  });
});

describe("valid settings", () => {
  it("requires no setting", () => {
    const { settings, problems } = parseSettings({ values: {}, stack: "local" });
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({ platform: "docker", port: 8000, app: { path: "sample-app" } });
  });

  it("accepts proxy variables in lower case, and names that only contain the name of a secret", () => {
    const env = {
      http_proxy: "http://proxy:3128",
      https_proxy: "http://proxy:3128",
      no_proxy: "objects",
      all_proxy: "x",
    };
    const values = {
      env: JSON.stringify({ ...env, KEYBOARD: "de", TOKEN_LIMIT: 5, DOCS: "https://a.example.com/x@y:z" }),
    };
    expect(parseSettings({ values, stack: "local" }).problems).toEqual([]);
  });

  it.each([
    ["https://host:8080?email=me@example.com"],
    ["https://host:8080#me@example.com"],
    ['["http://host:3128","me@example.com"]'],
    ["ssh://git@host/path:with@colon"],
    ["me:hunter2@host"],
  ])("accepts text with @ that is no URL with a password: %s", (text) => {
    expect(parseSettings({ values: { env: JSON.stringify({ TEXT: text }) }, stack: "local" }).problems).toEqual([]);
  });

  it.each([
    ["https://me:hunter2@tiles.example.com"],
    ["redis://:hunter2@cache:6379"],
    ["http://a.example.com, http://me:hunter2@b.example.com"],
    ["https://me:hunter@2@tiles.example.com"],
  ])("rejects a URL with a password in plain text: %s", (text) => {
    const { problems } = parseSettings({ values: { env: JSON.stringify({ TEXT: text }) }, stack: "local" });
    expect(problems.map(({ key }) => key)).toEqual(["env.TEXT"]);
    expect(formatProblems(problems, "local")).not.toContain("hunter");
  });

  it("accepts variables that look like secrets if they are secret", () => {
    const values = { env: '{"MAPS_API_KEY":"k","DATABASE_URL":"https://me:pw@host"}' };
    expect(parseSettings({ values, secretKeys: new Set(["env"]), stack: "local" }).problems).toEqual([]);
  });

  it("accepts a secret variable, a numeric variable, and a release that looks like a number", () => {
    const values = { env: '{"STRIPE_SECRET_KEY":"sk","WORKERS":2}', release: "123456" };
    const { settings, problems } = parseSettings({ values, secretKeys: new Set(["env"]), stack: "prod" });
    expect(problems).toEqual([]);
    expect(settings?.env.WORKERS).toBe("2");
    expect(settings?.release).toBe("123456");
  });
});

it("Pulumi.yaml has the description and the default of every setting in the schema", () => {
  const { config } = parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) as {
    config: Record<string, { description: string; default: unknown }>;
  };
  // The defaults of `aws` are in the schema only.
  const defaults: Record<string, unknown> = { ...settingsSchema.parse({}), aws: {} };
  const expected = Object.fromEntries(
    Object.entries(settingsSchema.shape).map(([key, { description }]) => [
      key,
      { description, default: defaults[key] },
    ]),
  );
  expect(config).toEqual(expected);
});
