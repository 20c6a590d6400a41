import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { APPLICATION } from "../../stack/app/application";
import { stage } from "../../stack/app/build-context";
import { openApp, type AppSource } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES, type ImageName } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import type { Layout } from "./layout";

const CONTEXTS = ".build/bench";
const MODULE = `${APPLICATION.package}/main.py`;
const { bases } = settingsSchema.parse({});

const imageSpec = (name: ImageName) => {
  const spec = IMAGES.find((image) => image.name === name);
  if (!spec) throw new Error(`no image ${name}`);
  return spec;
};

/** An image of this project, with its default settings. */
export function ownLayout(app: AppSource, name: ImageName): Layout {
  const { path, compiles } = stage(app, imageSpec(name), CONTEXTS);
  const args = { BASE: bases[imageSpec(name).base], UV: bases.uv, BUILDER: compiles ? "compilers" : "installer" };
  return { name, context: join(ROOT, path), target: name, args, module: `app/app/${MODULE}` };
}

/** The layout of the application's first Dockerfile, with the same base and the same versions. */
export function originalLayout(app: AppSource): Layout {
  const context = join(ROOT, CONTEXTS, "original");
  rmSync(context, { recursive: true, force: true });
  mkdirSync(join(context, "app"), { recursive: true });
  cpSync(join(ROOT, "scripts/bench/original.Dockerfile"), join(context, "Dockerfile"));
  const locks = imageSpec("api").groups.map((group) => readFileSync(join(app.lockFolder, `${group}.txt`), "utf8"));
  writeFileSync(join(context, "requirements.txt"), locks.join("\n"));
  for (const name of ["pyproject.toml", "README.md", APPLICATION.package, "static"]) {
    const path = [app.packageParent, app.folder].map((folder) => join(folder, name)).find(existsSync);
    if (path) cpSync(path, join(context, "app", name), { recursive: true });
  }
  return { name: "original", context, target: "api", args: { BASE: bases.gpu }, module: `app/${MODULE}` };
}

/** A build context that another version of this project has staged for its API image. */
export const otherLayout = (name: string, context: string): Layout => ({
  name,
  context,
  target: "api",
  args: { BASE: bases.gpu, UV: bases.uv },
  module: `app/app/${MODULE}`,
});

export const openFolder = (path: string): Promise<AppSource> => openApp({ path });
