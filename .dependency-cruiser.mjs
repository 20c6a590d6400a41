// Rules about who may import whom, for `npm run architecture`. Type imports count.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = import.meta.dirname;

/**
 * The layers, from low to high. A file may import from its own layer and from the layers below it.
 * A path is one file, or a folder with a slash at its end. A file belongs to the first layer that names it.
 */
const layers = [
  {
    name: "data tables",
    paths: [
      "stack/roles.ts",
      "stack/app/application.ts",
      "stack/images/catalog.ts",
      "stack/images/cuda.ts",
      "stack/docker/service-images.ts",
      "stack/aws/compute/instance-types.ts",
      "stack/aws/compute/quotas.ts",
      "stack/aws/compute/ami.ts",
      "stack/aws/stateful.ts",
      "stack/aws/prices.json",
    ],
  },
  { name: "basics", paths: ["stack/root.ts", "stack/pulumi/"] },
  { name: "configuration", paths: ["stack/config/"] },
  { name: "support", paths: ["stack/clients/", "stack/lock/", "stack/app/", "stack/registry/"] },
  { name: "images and preflight", paths: ["stack/images/", "stack/preflight/"] },
  { name: "inputs", paths: ["stack/platform.ts", "stack/inputs.ts"] },
  { name: "platforms", paths: ["stack/docker/", "stack/aws/"] },
  { name: "program", paths: ["index.ts", "stack/startup.ts"] },
  { name: "policy pack", paths: ["policy/"] },
  { name: "scripts", paths: ["scripts/"] },
  { name: "tests", paths: ["test/"] },
];

/** Files that run by themselves: the program, the policy pack, what package.json starts, and what local.mjs starts. */
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entryPoints = [
  "index.ts",
  "policy/index.cjs",
  "scripts/local-stack.ts",
  ...new Set(
    Object.values(scripts)
      .join(" ")
      .match(/\bscripts\/[\w-]+\.(ts|mjs)\b/g),
  ),
];

/** Matches a path of the table. */
const pattern = (path) => `^${path.replaceAll(".", "\\.")}${path.endsWith("/") ? "" : "$"}`;
const patterns = (...some) => some.flatMap(({ paths }) => paths.map(pattern));
const layer = (name) => layers.find((one) => one.name === name);
const dataTables = patterns(layer("data tables"));

const upward = layers.slice(0, -1).map((own, i) => ({
  name: `upward-import-from-${own.name.replaceAll(" ", "-")}`,
  comment: `The layer "${own.name}" may import from itself and from lower layers only. The layers are a table in .dependency-cruiser.mjs.`,
  severity: "error",
  from: { path: patterns(own), pathNot: patterns(...layers.slice(0, i)) },
  to: { path: patterns(...layers.slice(i + 1)), pathNot: patterns(...layers.slice(0, i + 1)) },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "cycle",
      comment: "Files must not import each other in a cycle. Move what both need to a file that imports neither.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...upward,
    {
      name: "configuration-imports-data-tables-only",
      comment: "The configuration is made of pure functions: it may import data tables, and nothing else of stack/.",
      severity: "error",
      from: { path: pattern("stack/config/") },
      to: {
        path: "^stack/",
        pathNot: [pattern("stack/config/"), ...dataTables],
      },
    },
    {
      name: "policy-pack-imports-data-tables-only",
      comment:
        "The engine starts the policy pack in a process of its own, in each preview. So it imports only what rules need.",
      severity: "error",
      from: { path: pattern("policy/") },
      to: { path: "^stack/", pathNot: dataTables },
    },
    {
      name: "configuration-without-pulumi",
      comment: "Data tables and configuration run without Pulumi. pulumi/stack-config.ts reads the configuration.",
      severity: "error",
      from: { path: [pattern("stack/config/"), ...dataTables] },
      to: { path: "(^|/)node_modules/@pulumi/|^@pulumi/" },
    },
    ...[
      ["docker", "aws"],
      ["aws", "docker"],
    ].map(([from, to]) => ({
      name: `${from}-imports-${to}`,
      comment: "The platforms do not know each other. Move what both need to a lower layer.",
      severity: "error",
      from: { path: pattern(`stack/${from}/`), pathNot: dataTables },
      to: { path: pattern(`stack/${to}/`), pathNot: dataTables },
    })),
    {
      name: "no-layer",
      comment: "Each file of stack/ belongs to a layer. Add its folder to the table in .dependency-cruiser.mjs.",
      severity: "error",
      from: {},
      to: { path: "^stack/", pathNot: patterns(...layers) },
    },
    {
      name: "unused",
      comment:
        "Neither the program nor a script imports this file, not even through other files. Remove it, or move it to test/.",
      severity: "error",
      from: { path: entryPoints.map(pattern) },
      to: { path: "^(stack|policy|scripts)/", pathNot: entryPoints.map(pattern), reachable: false },
    },
    {
      name: "unresolved",
      comment:
        "This import cannot be resolved, so no rule applies to it. Fix the path, or add the package to package.json.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // A package of ES modules only has no `main`.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(root, "tsconfig.json") },
  },
};
