/**
 * `npm run bench`: builds and pushes the API image side by side with the layout of the application's first Dockerfile, after the changes
 * that happen most often, and prints how long each takes and how many bytes move.
 */
import { parseArgs } from "node:util";
import { changeCode, changePackage } from "./bench/changes";
import { emptyEngine } from "./bench/engine";
import { Builder, bytesOf, type Layout, type Measurement } from "./bench/layout";
import { openFolder, originalLayout, otherLayout, ownLayout } from "./bench/layouts";

const USAGE = `Usage: npm run bench -- --prune --repository HOST/NAME [options]

Measures builds and pushes of the API image against the layout of the application's first Dockerfile, with the same lock and base.
Takes up to an hour with the lock of the real application. Prints a table in Markdown.

  --prune              required: removes the build cache of the Docker engine, several times
  --repository NAME    repository in a registry without a login, as in 127.0.0.1:5000/bench
  --app PATH           folder with the app's pyproject.toml (default: sample-app)
  --change PIN         also measure another version of a package, as in stripe==16.0.0 (can be repeated)
  --compare NAME=DIR   also measure a build context that another version of this project has staged (can be repeated)
  --help               print this help
`;

/** Code changes of each layout. The layouts take turns, so that other work on the machine slows all of them down. */
const CODE_CHANGES = 5;

const { values } = parseArgs({
  options: {
    prune: { type: "boolean", default: false },
    repository: { type: "string" },
    app: { type: "string", default: "sample-app" },
    change: { type: "string", multiple: true, default: [] },
    compare: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

const header = ["layout", "change", "build", "push", "install steps", "new layers", "bytes pushed", "of the image"];

function report(cells: string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

function row(layout: string, change: string, { build, push, installs, newLayers, layers }: Measurement): void {
  const [moved, all] = [bytesOf(newLayers), bytesOf(layers)];
  const share = `${((100 * moved) / all).toFixed(2)} %`;
  const bytes = moved.toLocaleString("en-US");
  const times = [build, push].map((seconds) => `${seconds.toFixed(1)} s`);
  report([layout, change, ...times, `${installs}`, `${newLayers.length}`, bytes, share]);
}

/** A first build, and a code change on an engine that has only the registry. */
async function measureEmptyEngine(layout: Layout, repository: string): Promise<Builder> {
  const builder = new Builder(layout, repository);
  await emptyEngine(repository);
  row(layout.name, "first build", await builder.run());
  await emptyEngine(repository);
  changeCode(layout.context, layout.module);
  row(layout.name, "code, emptied engine", await builder.run());
  return builder;
}

async function main(repository: string): Promise<void> {
  const app = await openFolder(values.app);
  report(header);
  report(header.map(() => "---"));
  const compared = values.compare.map((text) => text.split("=")).map(([name, folder]) => otherLayout(name, folder));
  const own = ownLayout(app, "api");
  const layouts = [originalLayout(app), ...compared, own];
  const builders = new Map<Layout, Builder>();
  for (const layout of layouts) builders.set(layout, await measureEmptyEngine(layout, repository));

  // The engine has been emptied since: this change fills its build cache again.
  for (const [layout, builder] of builders) {
    changeCode(layout.context, layout.module);
    await builder.run();
  }
  for (let number = 0; number < CODE_CHANGES; number++) {
    for (const [layout, builder] of builders) {
      changeCode(layout.context, layout.module);
      row(layout.name, "code", await builder.run());
    }
  }

  const builder = builders.get(own)!;
  const worker = new Builder(ownLayout(app, "worker"), repository, builder.layers);
  row("worker", "beside the API", await worker.run());
  for (const pin of values.change) {
    changePackage(own.context, pin);
    row(own.name, pin, await builder.run());
  }
}

if (values.help) {
  console.log(USAGE);
} else if (!values.prune || !values.repository) {
  console.error(`npm run bench requires --prune and --repository.\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  main(values.repository).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
