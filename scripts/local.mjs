// `node scripts/local.mjs up|down|pulumi`: installs the dependencies if they are missing or older than their lock, then runs the command
// of local-stack.ts. It runs before any dependency is there, so it uses Node's own modules only.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** The first Node that loads ES modules from CommonJS without a flag. */
const leastNode = [20, 19];

function main(args) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < leastNode[0] || (major === leastNode[0] && minor < leastNode[1])) {
    console.error(`Node ${process.versions.node} is too old: this needs ${leastNode.join(".")} or newer.`);
    return 1;
  }
  const installed = resolve(root, "node_modules/.package-lock.json");
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(resolve(root, "package-lock.json")).mtimeMs) {
    console.error("Installing dependencies ...");
    const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      stdio: ["ignore", 2, 2], // stdout is the command's
    });
    if (status !== 0) return status ?? 1;
  }
  const script = resolve(root, "scripts/local-stack.ts");
  // The child gets Ctrl-C too, and ends in its own time.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  const { status } = spawnSync(process.execPath, ["--import", "tsx", script, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  return status ?? 130;
}

process.exit(main(process.argv.slice(2)));
