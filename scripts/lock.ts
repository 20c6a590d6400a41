/**
 * `npm run lock`: creates the dependency lock of an app in `images/locks/NAME/`, from its `pyproject.toml`.
 *
 * uv resolves a project that is derived from the app's, for all Python versions and machine architectures of the images. `uv export` of a
 * dependency group lists the packages of the group, and `uv export` of everything their versions and hashes (`stack/lock/groups.ts`). The CPU
 * variant is a second resolution, with the PyTorch CPU index.
 */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openApp } from "../stack/app/source";
import { settingsSchema, type Settings } from "../stack/config/schema";
import { withoutCredentials } from "../stack/config/problem";
import { LockError } from "../stack/lock/error";
import { newestAmi, pinAmi } from "./lock/ami";
import { pinBases } from "./lock/bases";
import { makeLock } from "./lock/make-lock";
import { AWS_STACKS, readStackConfig, stackFile } from "./stack-file";

const CPU_INDEX = "https://download.pytorch.org/whl/cpu";

/** The files in which this script pins AMI and base images. */
const PIN_FILES = AWS_STACKS.map(stackFile);

/** The options that the settings of a stack replace. */
const CHOICES = ["app", "extra", "group", "requirement", "override"] as const;

const USAGE = `Usage: npm run lock -- [options]

Locks the dependencies of an app to versions with hashes, in images/locks/NAME/.
Requires a package index, and uv (https://docs.astral.sh/uv/) and a Python that the app supports.

  --app PATH           folder with the app's pyproject.toml (default: sample-app)
  --stack NAME         use the app, and its extras, groups, requirements and overrides, in Pulumi.NAME.yaml
  --extra NAME         also lock these optional dependencies of the app (can be repeated, as the next three)
  --group NAME         also lock this dependency group of the app
  --requirement SPEC   also lock a package that the app does not declare, as in 'ultralytics>=8'
  --override SPEC      replace all requirements of a package, as in "opencv-python ; sys_platform == 'never'"
  --upgrade            use the newest versions; by default, pins that still satisfy the requirements are kept
  --check              write nothing; exit with 1 if the lock would change
  --cpu-index URL      index of the CPU builds of torch (default: ${CPU_INDEX})
  --without-cpu-index  lock torch for the CPU image without this index and without hashes; inputs.json lists them
  --ami                do not lock; set the AMI of the GPU instances in Pulumi.dev.yaml and Pulumi.prod.yaml to the newest
                       one (requires AWS credentials and AWS_REGION)
  --bases              do not lock; set the base images in these files to the digests that their tags have now (requires
                       access to the registries, with the credentials of \`docker login\`)
  --help               print this help

The settings in [tool.uv] of the app are used. Configuration files of the user are not. If the app has a uv.lock, the lock has
its versions. Pins that are kept also keep their hashes while the index has them; --upgrade adds the hashes of wheels that were
uploaded later.
`;

/**
 * Pins something in the settings files, and returns the exit code.
 * @param what - what was pinned: the start of the output
 */
function pinned(what: string, changed: readonly string[], check: boolean): number {
  console.log(`${what}${changed.map((file) => basename(file)).join(", ") || "unchanged"}`);
  return check && changed.length > 0 ? 1 : 0;
}

/** The setting `app` of a stack. @throws LockError if the stack has no settings file, or the setting is invalid */
function appOfStack(stack: string): Settings["app"] {
  if (!existsSync(stackFile(stack)))
    throw new LockError(`Pulumi.${stack}.yaml does not exist: --stack is the name of a stack`);
  const parsed = settingsSchema.shape.app.safeParse(readStackConfig(stack).app);
  if (parsed.success) return parsed.data;
  throw new LockError(`spatialforge:app in Pulumi.${stack}.yaml: ${parsed.error.issues[0].message}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      app: { type: "string" },
      stack: { type: "string" },
      extra: { type: "string", multiple: true },
      group: { type: "string", multiple: true },
      requirement: { type: "string", multiple: true },
      override: { type: "string", multiple: true },
      upgrade: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      "cpu-index": { type: "string", default: CPU_INDEX },
      "without-cpu-index": { type: "boolean", default: false },
      ami: { type: "boolean", default: false },
      bases: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { upgrade, check, extra: extras, group: groups, requirement: requirements, override: overrides } = values;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.ami) {
    const newest = await newestAmi();
    return pinned(`${newest}: `, pinAmi(PIN_FILES, newest, !check), check);
  }
  if (values.bases) {
    const bases = await pinBases(PIN_FILES, !check);
    return pinned(`${bases.pinned.join("\n")}\n`, bases.changed, check);
  }
  const replaced = CHOICES.filter((name) => values[name] !== undefined).map((name) => `--${name}`);
  if (values.stack && replaced.length > 0) {
    console.error(`--stack uses the settings app.* of the stack: leave out ${replaced.join(", ")}, or set them there`);
    return 2;
  }
  const { app: path = "sample-app" } = values;
  const app = values.stack
    ? appOfStack(values.stack)
    : { path: resolve(path), extras, groups, requirements, overrides };
  const source = values.stack ? `spatialforge:app in Pulumi.${values.stack}.yaml` : `--app ${path}`;
  const { folder } = await openApp(app).catch((error: Error) => {
    throw new LockError(`${source}:\n${error.message}`);
  });
  const cpuIndex = values["without-cpu-index"] ? undefined : values["cpu-index"];
  const unchanged = await makeLock({ app: folder, choice: app, upgrade, check, cpuIndex });
  return check && !unchanged ? 1 : 0;
}

function report(error: NodeJS.ErrnoException): number {
  const isUsage = error.code?.startsWith("ERR_PARSE_ARGS");
  if (!isUsage && !(error instanceof LockError)) throw error;
  console.error(isUsage ? `${withoutCredentials(error.message)}\n\n${USAGE}` : error.message);
  return isUsage ? 2 : 1;
}

if (require.main === module) {
  void main()
    .catch(report)
    .then((code) => {
      process.exitCode = code;
    });
}
