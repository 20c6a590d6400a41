import { join } from "node:path";
import { IMAGES, type ImageName } from "../../stack/images/table";
import { settingsSchema } from "../../stack/settings/schema";
import { openApp } from "../../stack/source/app";
import { stage } from "../../stack/source/stage";
import { docker } from "./engine";

const ROOT = join(__dirname, "../..");

export const tagOf = (name: ImageName): string => `spatialforge-test:${name}`;

/** Builds the three images of the sample app as the stack does, with the engine alone. */
export async function buildImages(): Promise<void> {
  const app = await openApp({ path: "sample-app" });
  const { bases } = settingsSchema.parse({});
  for (const spec of IMAGES) {
    const context = join(ROOT, stage(app, spec).path);
    docker(
      "build",
      "-q",
      "-t",
      tagOf(spec.name),
      "--target",
      spec.name,
      "--build-arg",
      `BASE=${bases[spec.base]}`,
      context,
    );
  }
}
