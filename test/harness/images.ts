import { join } from "node:path";
import { IMAGES, type ImageName, type ImageSpec } from "../../stack/images/table";
import { ROOT } from "../../stack/root";
import { settingsSchema } from "../../stack/settings/schema";
import { openApp } from "../../stack/source/app";
import { stage } from "../../stack/source/stage";
import { docker } from "./engine";

export const tagOf = (name: ImageName): string => `spatialforge-test:${name}`;

/** Build arguments, as `docker build` takes them. */
export const buildArgs = (args: Record<string, string>): string[] =>
  Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);

/** Builds a target of a staged context, relative to the project, on a base. */
export function build(
  tag: string,
  target: ImageName,
  base: string,
  context: string,
  args: Record<string, string> = {},
): void {
  docker("build", "-q", "-t", tag, "--target", target, ...buildArgs({ BASE: base, ...args }), join(ROOT, context));
}

/** The base of an image, as the settings have it by default. */
export const baseOf = (image: ImageSpec): string => settingsSchema.parse({}).bases[image.base];

/** Builds the three images of the sample app as the stack does, with the engine alone. */
export async function buildImages(): Promise<void> {
  const app = await openApp({ path: "sample-app" });
  for (const image of IMAGES) build(tagOf(image.name), image.name, baseOf(image), stage(app, image).path);
}
