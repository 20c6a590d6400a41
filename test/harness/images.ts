import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stage } from "../../stack/app/build-context";
import { openApp } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES, type ImageName, type ImageSpec } from "../../stack/images/catalog";
import { ROOT } from "../../stack/root";
import { docker, dockerStatus } from "./engine";

/** Label of a built image: the inputs from which it was built. */
const INPUTS = "spatialforge-test.inputs";

/** Folder of the build contexts of a test file: others run at the same time. */
const CONTEXTS = `.build/test-${process.env.VITEST_POOL_ID}`;

/** Creates the build context of an image of the sample app. Returns its path, relative to the project. */
export const stageSampleApp = async (image: ImageSpec): Promise<{ path: string; hash: string }> =>
  stage(await openApp({ path: "sample-app" }), image, CONTEXTS);

/** The build context of an image that `buildImages` has built. */
export const contextOf = (name: ImageName): string => `${CONTEXTS}/${name}`;

export const tagOf = (name: ImageName): string => `spatialforge-test:${name}`;

/** Build arguments as `docker build` expects them. */
export const buildArgs = (args: Record<string, string>): string[] =>
  Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);

/** Builds a target from a staged context, whose path is relative to the project. */
export async function build(
  tag: string,
  target: ImageName,
  base: string,
  context: string,
  args: Record<string, string> = {},
  labels: Record<string, string> = {},
): Promise<void> {
  const options = Object.entries(labels).flatMap(([name, value]) => ["--label", `${name}=${value}`]);
  options.push("--target", target, ...buildArgs({ BASE: base, ...args }));
  await dockerBuild(["-t", tag, ...options], context);
}

/**
 * Runs `docker build` with a staged context, whose path is relative to the project. Each build has a Buildx configuration of its own,
 * because BuildKit identifies a client by it and requests only the files whose size or time has changed since the client's last
 * build: all staged files have the same time.
 * @throws Error whose message contains the output of the build
 */
export async function dockerBuild(options: string[], context: string): Promise<void> {
  const config = mkdtempSync(join(tmpdir(), "spatialforge-buildx-"));
  const env = { ...process.env, BUILDX_CONFIG: config };
  try {
    const command = ["build", "--progress", "plain", ...options, join(ROOT, context)];
    await promisify(execFile)("docker", command, { env, maxBuffer: 1 << 28 });
  } finally {
    rmSync(config, { recursive: true });
  }
}

/** The default base of an image. */
export const baseOf = (image: ImageSpec): string => settingsSchema.parse({}).bases[image.base];

/** Builds images of the sample app, by default all of them. Skips those that were already built from the same inputs. */
export async function buildImages(...names: ImageName[]): Promise<void> {
  for (const image of IMAGES) {
    if (names.length > 0 && !names.includes(image.name)) continue;
    const [tag, base] = [tagOf(image.name), baseOf(image)];
    const { path, hash } = await stageSampleApp(image);
    const inputs = `${hash} ${docker("inspect", "-f", "{{.Id}}", base)}`;
    const builtFrom = dockerStatus("image", "inspect", "-f", `{{index .Config.Labels "${INPUTS}"}}`, tag);
    if (builtFrom.text.trim() !== inputs) await build(tag, image.name, base, path, {}, { [INPUTS]: inputs });
  }
}
