/**
 * `npm run lock`: creates the dependency lock of an app in `images/locks/NAME/`, from its `pyproject.toml`.
 *
 * uv resolves all dependencies once, for all Python versions and machine architectures of the images. This script splits the result into
 * the groups of `stack/lock/groups.ts`. To find the dependencies of a group, uv resolves the group alone, with the versions of the first
 * result as constraints.
 */
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { withoutCredentials } from "../stack/config/problem";
import { LockError } from "../stack/lock/error";
import { ROOT } from "../stack/root";
import { newestAmi, pinAmi } from "./lock/ami";
import { pinBases } from "./lock/bases";
import { makeLock } from "./lock/make-lock";
import { AWS_STACKS, stackFile } from "./stack-file";

const CPU_INDEX = "https://download.pytorch.org/whl/cpu";

/** The files in which this script pins AMI and base images. */
const PIN_FILES = AWS_STACKS.map(stackFile);

const USAGE = `Usage: npm run lock -- [options]

Locks the dependencies of an app to versions with hashes, in images/locks/NAME/.
Requires a package index, and uv (https://docs.astral.sh/uv/) and Python 3 on PATH.

  --app PATH        folder with the app's pyproject.toml (default: sample-app)
  --name NAME       name of the lock (default: the project's name)
  --upgrade         use the newest versions; by default, pins that still satisfy the requirements are kept
  --check           write nothing; exit with 1 if the lock would change
  --cpu-index URL   index of the CPU builds of torch (default: ${CPU_INDEX})
  --ami             do not lock; set the AMI of the GPU instances in Pulumi.dev.yaml and Pulumi.prod.yaml to the newest
                    one (requires AWS credentials and AWS_REGION)
  --bases           do not lock; set the base images in these files to the digests that their tags have now (requires
                    access to the registries, with the credentials of \`docker login\`)
  --help            print this help

Only project.dependencies are locked. No image installs optional dependencies or dependency groups, so they are not
locked. [tool.uv] in the app's pyproject.toml is ignored. Pins that are kept also keep their hashes while the index has
them; --upgrade adds the hashes of wheels that were uploaded later. If the CPU index cannot be reached, torch.cpu.txt
keeps the hashes that it has for the same versions, and other versions have no hashes.
`;

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        app: { type: "string", default: join(ROOT, "sample-app") },
        name: { type: "string" },
        upgrade: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        "cpu-index": { type: "string", default: CPU_INDEX },
        ami: { type: "boolean", default: false },
        bases: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const { app, name, upgrade, check } = values;
    if (values.ami) {
      const newest = await newestAmi();
      const changed = pinAmi(PIN_FILES, newest, !check).map((file) => basename(file));
      console.log(`${newest}: ${changed.length > 0 ? changed.join(", ") : "unchanged"}`);
      return check && changed.length > 0 ? 1 : 0;
    }
    if (values.bases) {
      const { pinned, changed } = await pinBases(PIN_FILES, !check);
      const files = changed.map((file) => basename(file));
      console.log(`${pinned.join("\n")}\n${files.length > 0 ? files.join(", ") : "unchanged"}`);
      return check && changed.length > 0 ? 1 : 0;
    }
    const unchanged = await makeLock({ app, name, upgrade, check, cpuIndex: values["cpu-index"] });
    return check && !unchanged ? 1 : 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("ERR_PARSE_ARGS")) {
      console.error(`${withoutCredentials(message)}\n\n${USAGE}`);
      return 2;
    }
    if (error instanceof LockError) {
      console.error(message);
      return 1;
    }
    throw error;
  }
}

if (require.main === module) {
  void main().then((code) => {
    process.exitCode = code;
  });
}
