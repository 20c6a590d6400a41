/**
 * `npm run lock`: makes the dependency lock of an app, `images/locks/NAME/`, from its `pyproject.toml`.
 *
 * uv resolves, once for all Pythons and machines that the images can have; what is left to do here is to split its
 * answer into the groups of `stack/lock/groups.ts`. Which packages a group's requirements lead to is again uv's answer:
 * the group is resolved alone, held to the versions of the whole.
 */
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { LockError } from "../stack/lock/error";
import { ROOT } from "../stack/root";
import { newestAmi, pinAmi } from "./lock/ami";
import { makeLock } from "./lock/make-lock";
import { AWS_STACKS, stackFile } from "./stack-file";

const CPU_INDEX = "https://download.pytorch.org/whl/cpu";

const AMI_FILES = AWS_STACKS.map(stackFile);

const USAGE = `Usage: npm run lock -- [options]

Locks the dependencies of an app to versions with hashes, in images/locks/NAME/.
Needs a package index, and on PATH uv (https://docs.astral.sh/uv/) and any Python 3.

  --app PATH        folder with the app's pyproject.toml (default: sample-app)
  --name NAME       name of the lock (default: the project's name)
  --upgrade         newest versions; without it, pins that still satisfy are kept
  --check           write nothing; exit 1 if something would change
  --cpu-index URL   index of the CPU builds of torch (default: ${CPU_INDEX})
  --ami             move the AMI of the GPU hosts, in Pulumi.dev.yaml and Pulumi.prod.yaml, to the newest one instead; needs AWS
  --help

Only project.dependencies are locked: optional dependencies and dependency groups are not, for no image installs them.
[tool.uv] of the app is not read. Pins that are kept keep their hashes too, as long as the index has them: --upgrade
adds those of wheels that were uploaded since. If the CPU index cannot be reached, torch.cpu.txt names versions without
hashes, or keeps the hashes that it has for these versions.
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
      const moved = pinAmi(AMI_FILES, newest, !check);
      console.log(
        moved.length ? `${newest}: ${moved.map((file) => basename(file)).join(", ")}` : `${newest}: unchanged`,
      );
      return check && moved.length ? 1 : 0;
    }
    const same = await makeLock({ app, name, upgrade, check, cpuIndex: values["cpu-index"] });
    return check && !same ? 1 : 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("ERR_PARSE_ARGS")) {
      console.error(`${message}\n\n${USAGE}`);
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
