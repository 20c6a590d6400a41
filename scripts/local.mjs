// `node scripts/local.mjs up|down|pulumi`: installs the dependencies if they are missing or older than package-lock.json, and runs
// the command of local-stack.ts. This file runs before the dependencies are installed, so it uses Node's built-in modules only.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** The reason why the command cannot run on this machine. Undefined if it can. */
function unsupported() {
  if (process.platform === "win32") {
    return "Native Windows is not supported. Run this command in WSL: https://learn.microsoft.com/windows/wsl/install";
  }
  const { engines } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8"));
  const required = engines.node.replace(">=", "");
  if (process.versions.node.localeCompare(required, "en", { numeric: true }) < 0) {
    return `Node ${process.versions.node} is too old. Install Node ${required} or later: https://nodejs.org/en/download`;
  }
}

/** Folders that every command writes. */
const WRITTEN = { ".state": Infinity, ".build": Infinity };
/** Folders that only an installation writes. A number: how many levels of the folder are checked. */
const INSTALLED = { ".cache": 1, node_modules: 1 };

/** The reason why the user cannot write the folders of an earlier command. Undefined if the user can. */
function foreignFiles() {
  const user = process.getuid();
  const folders = Object.entries({ ...WRITTEN, ...(isInstalled() ? {} : INSTALLED) });
  const paths = folders.flatMap(([path, levels]) =>
    user !== 0 && hasForeignFile(resolve(root, path), levels) ? [path] : [],
  );
  if (!paths.length) return;
  return (
    `Another user owns files in ${paths.join(", ")}, probably because of an earlier \`sudo npm run up\`. ` +
    `In ${root}, run \`sudo chown -R "$(id -un)" ${paths.join(" ")}\`, and run the command again without sudo.`
  );

  /** Whether a path, or a path in its first levels, belongs to another user. Does not follow links. */
  function hasForeignFile(path, levels) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) return false;
    if (stats.uid !== user) return true;
    if (!stats.isDirectory() || levels === 0) return false;
    try {
      return readdirSync(path).some((name) => hasForeignFile(join(path, name), levels - 1));
    } catch {
      return true; // the user cannot read the directory
    }
  }
}

/** Whether the packages are installed and not older than the lock file. */
function isInstalled() {
  const installed = resolve(root, "node_modules/.package-lock.json");
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(resolve(root, "package-lock.json")).mtimeMs;
}

/** Runs `npm ci` if the installed packages are missing or older than the lock file. Returns whether the packages are installed. */
function install() {
  if (isInstalled()) return true;
  console.error("Installing dependencies ...");
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", 2, 2], // stdout belongs to the command
  });
  if (error)
    console.error(`npm did not start (${error.code}). Install npm, which comes with Node, and run the command again.`);
  else if (status !== 0)
    console.error("npm ci failed. Fix the cause that npm reported above, and run the command again.");
  return status === 0;
}

function main(args) {
  const problem = unsupported() ?? foreignFiles();
  if (problem) {
    console.error(problem);
    return 1;
  }
  if (!install()) return 1;
  // Ctrl-C reaches the child process too. This process waits until the child has stopped.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  const script = resolve(root, "scripts/local-stack.ts");
  const { status } = spawnSync(process.execPath, ["--import", "tsx", script, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  return status ?? 130;
}

process.exit(main(process.argv.slice(2)));
