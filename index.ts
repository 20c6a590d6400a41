import "./stack/stack-traces";
import { Config } from "@pulumi/pulumi/config";

/** Each platform is loaded only where it is the one. */
const PLATFORMS = {
  docker: async () => (await import("./stack/docker/platform.js")).DockerPlatform,
  aws: async () => (await import("./stack/aws/platform.js")).AwsPlatform,
};

/** Settings, then the platform with its images and services, then the outputs. */
export = async () => {
  if (new Config("spatialforge").get("platform") === "aws") await startAws();
  const { readInputs } = await import("./stack/settings/read.js");
  const inputs = await readInputs();
  const Platform = await PLATFORMS[inputs.settings.platform]();
  const platform = new Platform("spatialforge", inputs);
  const { proved } = await import("./stack/release/proved.js");
  await proved(platform.release);
  const { url, images, release } = platform;
  return { url, images, release, ...("fillModels" in platform ? { fillModels: platform.fillModels } : {}) };
};

/** What takes seconds begins while the settings are read: the provider's start, and the load of the platform. What fails is said where it is needed. */
async function startAws(): Promise<void> {
  const { identity } = await import("./stack/aws/identity.js");
  identity().catch(() => undefined);
  PLATFORMS.aws().catch(() => undefined);
}
