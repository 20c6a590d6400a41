// `node scripts/local.mjs up|down|pulumi`: installs the dependencies if they are missing or older than package-lock.json, and runs
// the command of local-stack.ts. This file runs before the dependencies are installed, so it uses Node's built-in modules only.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
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

/** Runs `npm ci` if the installed packages are missing or older than the lock file. Returns whether the packages are installed. */
function install() {
  const installed = resolve(root, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(resolve(root, "package-lock.json")).mtimeMs) {
    return true;
  }
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
  const problem = unsupported();
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
